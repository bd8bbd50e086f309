/* A model: immutable once it is open. Its arena holds the graph, the plan and the packed weights; the
 * tensors as written stay in the file's bytes. */
#ifndef INK_MODEL_H
#define INK_MODEL_H

#include "formats/gguf.h"
#include "graph/plan.h"

struct ink_model {
    ink_allocator allocator;
    ink_arena arena;
    void *file; /* the file's bytes where the model owns them, else NULL */
    ink_graph graph;
    ink_plan plan;
    ink_model_info info;
    size_t metadata_count;
    const ink_metadata *metadata;
    ink_node_info *nodes;
    ink_step_info *steps;
};

/* The network in inkling's own layout (docs/formats.md). Errors: from 31 on. */
ink_status ink_layout_read(const ink_gguf *file, ink_graph *graph, ink_arena *arena,
                           ink_error *error);
/* Writes it: the keys of `metadata` that are about the file's contents are kept, the rest made anew.
 * `state` is put behind them as it is: what a checkpoint has besides, or NULL. */
ink_status ink_layout_write(const ink_graph *graph, const ink_metadata *metadata,
                            size_t metadata_count, const ink_gguf *state, const ink_allocator *allocator,
                            ink_buffer *out, ink_error *error);

/* True for keys that a writer makes itself and so does not copy from the model that it writes. */
bool ink_layout_owns_key(const char *key);

/* The older layouts, recognised by architecture and tensor names. */
ink_status ink_older_read_gguf(const ink_gguf *file, const char *architecture, ink_graph *graph,
                               ink_arena *arena, ink_layout *layout, ink_error *error);
ink_status ink_older_read_bin(const void *data, size_t size, ink_graph *graph, ink_arena *arena,
                              ink_error *error);
ink_status ink_older_write(const ink_graph *graph, const ink_metadata *metadata,
                           size_t metadata_count, ink_layout layout, const ink_allocator *allocator,
                           ink_buffer *out, ink_error *error);

/* Opens the bytes of a buffer, which then belong to the model, or are freed on failure. The buffer and
 * the options have the same allocator. */
ink_status ink_model_adopt(ink_buffer *file, const ink_model_options *options, ink_model **out,
                           ink_error *error);

/* The graph that the builder fills. */
ink_graph *ink_builder_graph(ink_builder *builder);

/* Lets somebody look at what each step reads: `input` is its first, of so many floats. With one thread only. */
typedef void ink_observer(void *context, const ink_step *step, const float *input, size_t count);
void ink_session_observe(ink_session *session, ink_observer *observer, void *context);

/* Fills the parts of the model that the public functions show. */
ink_status ink_model_describe(ink_model *model, ink_error *error);

/* The session's model. */
const ink_model_info *ink_session_info(const ink_session *session);

/* Tests with small networks let threads be woken for less work: multiply-adds for each. */
void ink_session_wake_for(ink_session *session, uint64_t work);

#endif
