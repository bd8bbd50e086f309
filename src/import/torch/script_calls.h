/* A call of one of torch's functions: what script_ops.c (layers and shapes) and script_numbers.c (sizes, conditions and
 * arithmetic) have in common. */
#ifndef INK_SCRIPT_CALLS_H
#define INK_SCRIPT_CALLS_H

#include "import/torch/script_machine.h"

#include <math.h>
#include <string.h>

/* A call: arguments by the row's parameters, NULL where none was given. */
typedef struct call {
    ink_script_machine *m;
    const char *name; /* "relu", of torch.relu_ */
    const struct row *row;
    ink_script_value *in[INK_SCRIPT_SLOTS];
    ink_script_value *out;
} call;

typedef struct row {
    const char *name, *parameters; /* with blanks between them */
    ink_status (*run)(call *c);
    const char *node; /* the operator that it becomes, where `run` serves several */
} row;

/* ---- values in and out ---- */

static inline ink_status fault(call *c, const char *what)
{
    ink_torch_fault(c->m->net, "%s", what);
    return ink_script_new(c->m, INK_HOLDS_UNKNOWN, &c->out);
}

static inline ink_status wrong(call *c, const char *what)
{
    return ink_fail(c->m->error, INK_ERR_FORMAT, "%s: %s", c->m->net->where, what);
}

static inline bool is(const ink_script_value *v, ink_script_holds kind)
{
    return v && v->kind == kind;
}

static inline bool given(const ink_script_value *v)
{
    return v && v->kind != INK_HOLDS_NONE;
}

static inline bool numeric(const ink_script_value *v)
{
    return v && ink_script_is_number(v);
}

static inline bool any_unknown(const call *c)
{
    for (size_t i = 0; i < INK_SCRIPT_SLOTS; i++)
        if (is(c->in[i], INK_HOLDS_UNKNOWN))
            return true;
    return false;
}

static inline bool truth(const ink_script_value *v, bool usual)
{
    return numeric(v) ? ink_script_number(v) != 0 : usual;
}

static inline double number(const ink_script_value *v, double usual)
{
    return numeric(v) ? ink_script_number(v) : usual;
}

static inline ink_status put_number(call *c, ink_script_holds kind, double value)
{
    INK_TRY(ink_script_new(c->m, kind, &c->out));
    c->out->number = value;
    c->out->integer = kind == INK_HOLDS_FLOAT || !(fabs(value) < 9e15) ? 0 : (int64_t)value;
    return INK_OK;
}

static inline ink_status put_picture(call *c, const ink_torch_value *picture)
{
    INK_TRY(ink_script_new(c->m, INK_HOLDS_PICTURE, &c->out));
    c->out->picture = *picture;
    return INK_OK;
}

/* The picture that argument i is. What a view was made of may have been changed since. */
static inline ink_status take(call *c, size_t i, const ink_torch_value **out)
{
    const ink_script_value *v = c->in[i];
    if (!is(v, INK_HOLDS_PICTURE))
        return wrong(c, "its input is nothing that is computed from the picture");
    if (v->version != v->storage->version)
        return ink_fail(c->m->error, INK_ERR_OP, "%s: its input was changed in place by way of another view of it",
                        c->m->net->where);
    *out = &v->picture;
    return INK_OK;
}

/* One whole number for all, or one for each; false when they are something else. */
static inline bool sizes(const ink_script_value *v, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const ink_script_value *one = v;
        if (is(v, INK_HOLDS_LIST))
            one = v->count == count ? v->items[i] : v->count == 1 ? v->items[0] : NULL;
        if (!numeric(one) || one->kind == INK_HOLDS_BOOL || !(fabs(ink_script_number(one)) < 1e15))
            return false;
        out[i] = (int64_t)ink_script_number(one);
    }
    return true;
}

/* The same, from `lowest` on; `usual` stands for nothing and for []. */
static inline bool lengths(const ink_script_value *v, uint64_t usual, int64_t lowest, uint64_t out[2])
{
    int64_t values[2] = { (int64_t)usual, (int64_t)usual };
    if (given(v) && !(is(v, INK_HOLDS_LIST) && !v->count) && !sizes(v, 2, values))
        return false;
    for (int i = 0; i < 2; i++) {
        if (values[i] < lowest)
            return false;
        out[i] = (uint64_t)values[i];
    }
    return true;
}

/* ---- what both files have ---- */

extern const row ink_script_layer_rows[], ink_script_number_rows[]; /* the last has no name */

/* The first argument itself. */
static inline ink_status keep(call *c)
{
    c->out = c->in[0];
    return c->out ? INK_OK : wrong(c, "has no input");
}

/* An argument that is a tensor of the file; or NULL. */
static inline const ink_weight *weight_of(const ink_script_value *v)
{
    return is(v, INK_HOLDS_WEIGHT) ? v->weight : NULL;
}

#endif
