/* Operators, and what the plan makes of networks: each case goes through the public builder and a session,
 * and is compared with the definitions in double precision (check_reference.h) within a bound that is
 * carried along. On every set of kernels: single images and batches, threads, and sessions that take an
 * odd number of images at once must give the same bits.
 *
 * A case may also say which steps the plan must come to: what is fused, and where a copy is needed. */
#include "check_reference.h"
#include "ops_networks.h"

#include "model/model.h"


/* ---- the plan ---- */

/* The steps' operators with blanks between. */
static void check_steps(const network *c, const ink_model *model)
{
    char text[1000] = "";
    for (size_t i = 0; i < ink_model_get_info(model)->steps; i++) {
        const size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "", ink_model_step(model, i)->ops);
    }
    if (c->steps && strcmp(c->steps, text) != 0)
        fail_msg("%s: the steps are '%s', wanted '%s'", c->name, text, c->steps);
}

/* Each float of an image's share of the arena belongs to the step that wrote it last: what a step reads
 * must still be what was written there. */
static void check_memory(const network *c, const ink_model *model)
{
    const ink_plan *plan = &model->plan;
    size_t *owner = calloc(plan->image_floats + 1, sizeof *owner);
    size_t *writer = calloc(plan->buffer_count + 1, sizeof *writer);
    assert_true(owner && writer);
    for (size_t i = 0; i <= plan->step_count; i++) { /* at the end, the output is read */
        const ink_step *step = i < plan->step_count ? &plan->steps[i] : NULL;
        const size_t count = step ? step->input_count : 1;
        for (size_t k = 0; k < count; k++) {
            const ink_view *view = step ? &step->inputs[k] : &plan->output;
            const size_t from = plan->buffers[view->buffer].offset;
            assert_true(view->buffer < plan->buffer_count);
            assert_true(from + view->elements <= plan->image_floats);
            for (size_t at = from; at < from + view->elements; at++)
                if (owner[at] != writer[view->buffer])
                    fail_msg("%s: step %zu reads float %zu of step %zu, which step %zu wrote over",
                             c->name, i + 1, at, writer[view->buffer], owner[at]);
        }
        if (!step)
            break;
        /* In place of its first input, or beside all that it reads. */
        const size_t to = plan->buffers[step->output.buffer].offset, end = to + step->output.elements;
        for (size_t k = 0; k < count; k++) {
            const size_t from = plan->buffers[step->inputs[k].buffer].offset;
            if ((k > 0 || from != to) && from < end && to < from + step->inputs[k].elements)
                fail_msg("%s: step %zu writes over its input %zu", c->name, i + 1, k);
        }
        assert_true(end <= plan->image_floats);
        for (size_t at = to; at < end; at++)
            owner[at] = i + 1;
        writer[step->output.buffer] = i + 1;
        const ink_step_info *info = ink_model_step(model, i);
        assert_true(info->offset == to * sizeof(float) && info->offset % 4 == 0);
        assert_true(info->bytes == step->output.elements * sizeof(float));
        assert_true(step->scratch <= plan->scratch_floats);
    }
    free(owner);
    free(writer);
}

static void check_shapes(const network *c, const ink_model *model, const ref *values)
{
    for (size_t i = 0; i < ink_model_get_info(model)->nodes; i++) {
        const ink_node_info *node = ink_model_node(model, i);
        if (node->rank != values[i + 1].rank ||
            memcmp(node->dim, values[i + 1].dim, node->rank * sizeof *node->dim))
            fail_msg("%s: the shape of node %s is %u: %ux%ux%ux%u, wanted %u: %ux%ux%ux%u", c->name,
                     node->name, node->rank, node->dim[0], node->dim[1], node->dim[2], node->dim[3],
                     values[i + 1].rank, values[i + 1].dim[0], values[i + 1].dim[1],
                     values[i + 1].dim[2], values[i + 1].dim[3]);
    }
}

/* ---- the numbers ---- */

enum { IMAGES = 50 };

/* A case with its inputs and what they must give, as written and as probabilities. */
typedef struct expected {
    const network *c;
    net n;
    size_t pixels, classes;
    float *x;
    double *value[2], *error[2];
    ref shapes[NET_NODES + 1]; /* the values of the last image */
} expected;

static bool gives_probabilities(const net *n)
{
    size_t i = n->node_count;
    while (i && (!strcmp(n->nodes[i - 1].op, "flatten") || !strcmp(n->nodes[i - 1].op, "reshape") ||
                 !strcmp(n->nodes[i - 1].op, "permute") || !strcmp(n->nodes[i - 1].op, "dropout")))
        i = n->nodes[i - 1].input[0];
    return i && (!strcmp(n->nodes[i - 1].op, "softmax") || !strcmp(n->nodes[i - 1].op, "sigmoid"));
}

static void expect_image(expected *e, size_t image, ref *values)
{
    ref_run(&e->n, e->x + image * e->pixels, values);
    const ref *out = &values[e->n.node_count];
    ref chances = ref_make(out->rank, out->dim);
    ref_softmax_row(out, &chances, 0, out->count, false);
    if (!e->value[0]) {
        e->classes = out->count;
        for (size_t k = 0; k < 2; k++) {
            e->value[k] = malloc(IMAGES * e->classes * sizeof *e->value[k]);
            e->error[k] = malloc(IMAGES * e->classes * sizeof *e->error[k]);
            assert_true(e->value[k] && e->error[k]);
        }
    }
    for (size_t k = 0; k < 2; k++) {
        const ref *from = k && !gives_probabilities(&e->n) ? &chances : out;
        memcpy(e->value[k] + image * e->classes, from->value, e->classes * sizeof *from->value);
        memcpy(e->error[k] + image * e->classes, from->error, e->classes * sizeof *from->error);
    }
    ref_free(&chances);
}

static void expect(expected *e, const network *c)
{
    uint64_t random = 7 + strlen(c->text);
    *e = (expected){ .c = c, .n = net_make(c->dim, c->text) };
    e->pixels = (size_t)c->dim[0] * c->dim[1] * c->dim[2];
    e->x = check_random_floats(&random, IMAGES * e->pixels);
    for (size_t i = 0; i < IMAGES * e->pixels; i++)
        e->x[i] *= i < e->pixels ? 0.0f : 3.0f; /* a black picture, too */
    for (size_t image = 0; image < IMAGES; image++) {
        ref values[NET_NODES + 1];
        expect_image(e, image, values);
        for (size_t i = 0; i <= e->n.node_count; i++)
            if (image + 1 == IMAGES)
                e->shapes[i] = values[i];
            else
                ref_free(&values[i]);
    }
}

static void expected_free(expected *e)
{
    for (size_t i = 0; i <= e->n.node_count; i++)
        ref_free(&e->shapes[i]);
    for (size_t k = 0; k < 2; k++) {
        free(e->value[k]);
        free(e->error[k]);
    }
    free(e->x);
    net_free(&e->n);
}

static void check_values(const expected *e, size_t which, const float *y, size_t images, ink_cpu cpu)
{
    for (size_t i = 0; i < images * e->classes; i++) {
        const double want = e->value[which][i], bound = e->error[which][i];
        if (!(bound <= 1.5e-2 * (1 + fabs(want))))
            fail_msg("%s: a bound of %g around %g says nothing", e->c->name, bound, want);
        if (!(fabs((double)y[i] - want) <= bound))
            fail_msg("%s, %s%s: image %zu, output %zu is %.9g, wanted %.9g +- %.3g", e->c->name,
                     ink_cpu_name(cpu), which ? ", probabilities" : "", i / e->classes,
                     i % e->classes, (double)y[i], want, bound);
    }
}

static ink_model *open_net(const net *n, const char *name, ink_cpu cpu, ink_output output)
{
    ink_model_options options = INK_MODEL_OPTIONS_INIT;
    ink_model *model;
    ink_error error;
    options.cpu = cpu;
    options.output = output;
    options.allocator = &check_nan_allocator;
    if (net_open(n, &options, &model, &error))
        fail_msg("%s: %s", name, error.text);
    assert_int_equal(ink_model_get_info(model)->cpu, cpu);
    return model;
}

static ink_session *open_session(const ink_model *model, uint32_t threads, uint32_t batch)
{
    ink_session_options options = INK_SESSION_OPTIONS_INIT;
    ink_session *session;
    ink_error error;
    options.allocator = &check_nan_allocator;
    options.threads = threads;
    options.batch = batch;
    check_error(ink_session_open(model, &options, &session, &error), &error, INK_OK, NULL);
    return session;
}

/* Runs the first `images` inputs, which end at a forbidden page as the outputs do. */
static const float *run_images(const expected *e, ink_session *session, size_t images,
                               check_room *in, check_room *out)
{
    ink_error error;
    const float *x = check_room_copy(in, e->x, images * e->pixels * sizeof *x, CHECK_AT_END);
    float *y = check_room_take(out, images * e->classes * sizeof *y, CHECK_AT_END);
    check_error(ink_session_run_f32(session, x, images, y, &error), &error, INK_OK, NULL);
    assert_true(check_room_kept(in) && check_room_kept(out));
    return y;
}

/* Every way to run a model gives the same bits. */
static void check_ways(const expected *e, const ink_model *model, const float *want, check_room *in,
                       check_room *out)
{
    static const struct {
        uint32_t threads, batch;
    } ways[] = { { 1, 0 }, { 1, 1 }, { 1, 3 }, { 1, 64 }, { 3, 0 }, { 3, 7 } };
    static const size_t counts[] = { IMAGES, 1, 2, 7, 0, IMAGES };
    for (size_t w = 0; w < CHECK_COUNT(ways); w++) {
        ink_session *session = open_session(model, ways[w].threads, ways[w].batch);
        for (size_t i = 0; i < CHECK_COUNT(counts); i++)
            if (memcmp(run_images(e, session, counts[i], in, out), want,
                       counts[i] * e->classes * sizeof *want))
                fail_msg("%s: %zu images with %u threads, %u at once give other bits than %d images "
                         "with one thread", e->c->name, counts[i], ways[w].threads, ways[w].batch,
                         IMAGES);
        ink_session_close(&session);
    }
}

static void check_network(const network *c)
{
    ink_cpu cpus[CHECK_CPUS];
    const size_t cpu_count = check_cpus(cpus);
    expected e;
    expect(&e, c);
    check_room in = check_room_make(IMAGES * e.pixels * sizeof(float));
    check_room out = check_room_make(IMAGES * e.classes * sizeof(float));
    float *y = malloc(IMAGES * e.classes * sizeof *y);
    assert_non_null(y);
    for (size_t i = 0; i < cpu_count; i++) {
        for (size_t which = 0; which < 2; which++) {
            ink_model *model = open_net(&e.n, c->name, cpus[i],
                                        which ? INK_OUTPUT_PROBABILITIES : INK_OUTPUT_AS_WRITTEN);
            assert_int_equal(ink_model_get_info(model)->classes, e.classes);
            ink_session *session = open_session(model, 1, 0);
            memcpy(y, run_images(&e, session, IMAGES, &in, &out), IMAGES * e.classes * sizeof *y);
            ink_session_close(&session);
            check_values(&e, which, y, IMAGES, cpus[i]);
            check_memory(c, model);
            if (which == 0) {
                check_shapes(c, model, e.shapes);
                check_steps(c, model);
                check_ways(&e, model, y, &in, &out);
            }
            ink_model_close(&model);
        }
    }
    free(y);
    check_room_free(&in);
    check_room_free(&out);
    expected_free(&e);
}

static void networks_compute(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(networks); i++)
        check_network(&networks[i]);
    printf("%zu networks\n", CHECK_COUNT(networks));
}

/* A thousand images and a few: several chunks for each thread, the last one smaller. */
static void many_images(void **state)
{
    (void)state;
    enum { MANY = 1003 };
    const network *c = NULL;
    for (size_t i = 0; i < CHECK_COUNT(networks); i++)
        if (strcmp(networks[i].name, "a picture of three channels") == 0)
            c = &networks[i];
    assert_non_null(c);
    expected e;
    expect(&e, c);
    float *x = malloc(MANY * e.pixels * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < MANY; i++)
        memcpy(x + i * e.pixels, e.x + i % IMAGES * e.pixels, e.pixels * sizeof *x);
    check_room in = check_room_make(MANY * e.pixels * sizeof *x);
    check_room out = check_room_make(MANY * e.classes * sizeof *x);
    ink_cpu cpus[CHECK_CPUS];
    for (size_t i = check_cpus(cpus); i-- > 0;)
        for (uint32_t threads = 1; threads <= 3; threads += 2) {
            ink_model *model = open_net(&e.n, c->name, cpus[i], INK_OUTPUT_PROBABILITIES);
            ink_session *session = open_session(model, threads, threads == 3 ? 0 : 13);
            const float *from = check_room_copy(&in, x, MANY * e.pixels * sizeof *x, CHECK_AT_END);
            float *y = check_room_take(&out, MANY * e.classes * sizeof *y, CHECK_AT_END);
            assert_int_equal(ink_session_run_f32(session, from, MANY, y, NULL), INK_OK);
            check_values(&e, 1, y, IMAGES, cpus[i]);
            for (size_t k = IMAGES; k < MANY; k++)
                if (memcmp(y + k * e.classes, y + k % IMAGES * e.classes, e.classes * sizeof *y))
                    fail_msg("image %zu of %d, %u threads: another result than image %zu, the same "
                             "picture", k, MANY, threads, k % IMAGES);
            ink_session_close(&session);
            ink_model_close(&model);
        }
    check_room_free(&in);
    check_room_free(&out);
    free(x);
    expected_free(&e);
}

static void every_operator_has_a_case(void **state)
{
    (void)state;
    size_t count = 0;
    for (const ink_op *op; (op = ink_op_at(count)); count++) {
        bool found = false;
        for (size_t i = 0; i < CHECK_COUNT(networks); i++) {
            net n = net_make(networks[i].dim, networks[i].text);
            for (size_t k = 0; k < n.node_count; k++)
                found = found || strcmp(n.nodes[k].op, op->name) == 0;
            net_free(&n);
        }
        if (!found)
            fail_msg("no case for the operator %s", op->name);
        assert_ptr_equal(ink_op_find(op->name), op);
    }
    assert_true(count >= 22);
    assert_null(ink_op_at(count));
    assert_null(ink_op_find("copy")); /* the plan's own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_has_a_case),
        cmocka_unit_test(networks_compute),
        cmocka_unit_test(many_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
