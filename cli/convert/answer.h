/* What `inkling convert` tells about what it did. */
#ifndef INK_CLI_CONVERT_ANSWER_H
#define INK_CLI_CONVERT_ANSWER_H

#include "common/convert_options.h"
#include "common/json_out.h"
#include "convert/foreign.h"
#include "convert/verify.h"

typedef struct convert_job convert_job;

/* A format to write, by its suffix. */
typedef struct convert_format {
    const char *suffix, *name;
    bool is_ours; /* with layouts; else it is another framework's, and read back as such */
    ink_status (*write)(const convert_job *work, ink_buffer *out, ink_error *error);
} convert_format;

struct convert_job {
    const convert_options *how;
    const char *source_path, *target_path;
    const convert_format *format;
    ink_layout layout;     /* where the format is ours */
    bool is_foreign;       /* of another framework; `source` is its model then */
    foreign foreign, copy; /* what was read; and the target read back, where it is of another framework */
    size_t source_bytes;   /* of a file of another framework */
    ink_model *source, *target; /* the target as it is read back from its bytes */
    ink_buffer bytes;
    double difference; /* the largest between two probabilities */
    verify_options verify;
    verify_result proof;
};

/* Each prints, and gives CLI_FAILED where that fails, or 0. */
int answer_text(const convert_job *work);
int answer_json(const convert_job *work);

#endif
