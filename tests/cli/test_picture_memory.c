/* Picture files that promise much and hold nothing get no memory: they are refused where there is little, too. */
#include "support.h"

#include "common/picture_file.h"

#include <stdlib.h>
#include <sys/resource.h>

static void small_files_get_little_memory(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    skip();
#endif
#endif
    static const char *const files[] = {
        "x:89504e470d0a1a0a b4:13 t:IHDR b4:20000 b4:10000 x:0806000000 z:4",
        "x:89504e470d0a1a0a b4:13 t:IHDR b4:20000 b4:10000 x:1006000000 z:4",
        "x:89504e470d0a1a0a b4:13 t:IHDR b4:65535 b4:65535 x:0806000000 z:4",
        "x:ffd8ffc0 b2:11 x:08 b2:14000 b2:14000 x:01011100 x:ffda b2:8 x:010100003f00",
        "x:ffd8ffc2 b2:17 x:08 b2:14000 b2:14000 x:03 x:011100021100031100 x:ffda b2:12 x:03010002000300 x:000000",
        "t:P6 x:0a t:20000 x:20 t:10000 x:0a t:255 x:0a",
        "t:P3 x:0a t:20000 x:20 t:10000 x:0a t:255 x:0a",
        "t:P1 x:0a t:20000 x:20 t:10000 x:0a",
    };
    const struct rlimit little = { 100 << 20, 100 << 20 }; /* each would take 200 MB at least */
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    void *volatile much = malloc(200 << 20);
    assert_null(much);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        blob bytes = blob_make(files[i]);
        picture_file file;
        picture none;
        int code = picture_file_open("name", bytes.data, bytes.size, PICTURE_WANTED, &file);
        if (!code)
            code = picture_file_decode(&file, 0, PICTURE_BACK_BLACK, &none);
        assert_int_equal(code, 1); /* without memory the program would have ended */
        blob_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(small_files_get_little_memory) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
