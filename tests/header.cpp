// The header compiles as C++ and its functions link from there.
#include <inkling.h>

int main()
{
    ink_model_options model_options = INK_MODEL_OPTIONS_INIT;
    ink_session_options session_options = INK_SESSION_OPTIONS_INIT;
    ink_model *model = nullptr;
    ink_error error;
    ink_status status = ink_model_open("no/such/file", &model_options, &model, &error);
    ink_model_close(&model);
    return status == INK_ERR_OPEN && session_options.size ? 0 : 1;
}
