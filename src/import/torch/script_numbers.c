#include "import/torch/script_calls.h"

/* ---- arithmetic ---- */

static ink_status arithmetic_of_numbers(call *c)
{
    const char *op = c->row->node;
    const double a = number(c->in[0], 0), b = number(c->in[1], 0);
    double value = *op == '+' ? a + b : *op == '-' ? a - b : *op == '*' ? a * b : a / b;
    if (*op == 'r')
        value = b - a;
    if (*op == 'f' || *op == '%') {
        if (b == 0)
            return wrong(c, "divides by 0");
        value = *op == 'f' ? floor(a / b) : a - b * floor(a / b);
    }
    const bool whole = *op != '/' && c->in[0]->kind != INK_HOLDS_FLOAT && c->in[1]->kind != INK_HOLDS_FLOAT;
    return put_number(c, whole ? INK_HOLDS_INT : INK_HOLDS_FLOAT, value);
}

/* The numbers of a value that is a number or a weight of one for each channel. */
static bool numbers_of(const ink_script_value *v, const ink_torch_value *x, float *one, const float **out,
                       size_t *count)
{
    *out = one;
    *count = 1;
    if (numeric(v)) {
        *one = (float)ink_script_number(v);
        return true;
    }
    const ink_weight *w = weight_of(v);
    if (!w || !x->rank)
        return false;
    *out = w->data;
    *count = (size_t)w->elements;
    if (w->elements == 1)
        return true;
    /* counted from the last axis: a vector's is the only one, a picture's are C, 1, 1, maybe behind a batch of 1 */
    const uint32_t behind = x->rank - 1;
    return w->rank > behind && w->elements == x->dim[0] && w->dim[w->rank - 1 - behind] == x->dim[0];
}

static ink_status affine(call *c, size_t picture, const ink_script_value *other, bool negated)
{
    enum { MOST = 1 << 16 };
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    const char *op = c->row->node;
    float one, sign = negated ? -1 : 1;
    const float *numbers;
    size_t count;
    INK_TRY(take(c, picture, &x));
    if (!x->node)
        return put_picture(c, x);
    if (!numbers_of(other, x, &one, &numbers, &count))
        return fault(c, "of these two values is not supported");
    float *changed = count <= MOST ? ink_arena_array(c->m->arena, count, sizeof *changed) : NULL;
    if (!changed)
        return count > MOST ? fault(c, "of so many numbers is not supported")
                            : ink_fail(c->m->error, INK_ERR_MEMORY, "no memory to follow its code");
    const double alpha = number(c->in[2], 1);
    for (size_t i = 0; i < count; i++)
        changed[i] = *op == '*'   ? numbers[i]
                     : *op == '/' ? 1 / numbers[i]
                                  : (float)((*op == '-' && !negated ? -alpha : alpha) * (double)numbers[i]);
    if (*op == '*' || *op == '/')
        INK_TRY(ink_torch_affine(c->m->net, x, changed, count, NULL, 0, &out));
    else
        INK_TRY(ink_torch_affine(c->m->net, x, &sign, 1, changed, count, &out));
    return put_picture(c, &out);
}

static ink_status arithmetic(call *c)
{
    const char *op = c->row->node;
    const ink_torch_value *a = NULL, *b = NULL;
    ink_torch_value out;
    if (numeric(c->in[0]) && numeric(c->in[1]))
        return arithmetic_of_numbers(c);
    const bool first = is(c->in[0], INK_HOLDS_PICTURE), second = is(c->in[1], INK_HOLDS_PICTURE);
    if (strchr("f%", *op) || (*op == '/' && given(c->in[2])))
        return fault(c, "of the picture is not supported");
    if (first && second) {
        if (*op != '+' || number(c->in[2], 1) != 1)
            return fault(c, "of two pictures is not supported; the sum is");
        INK_TRY(take(c, 0, &a));
        INK_TRY(take(c, 1, &b));
        INK_TRY(ink_torch_add(c->m->net, a, b, &out));
        return put_picture(c, &out);
    }
    if (*op == 'r' && first && number(c->in[2], 1) == 1) /* b - a */
        return affine(c, 0, c->in[1], true);
    if (first && *op != 'r')
        return affine(c, 0, c->in[1], false);
    if (second && (*op == '*' || (*op == '+' && number(c->in[2], 1) == 1)))
        return affine(c, 1, c->in[0], false);
    if (second && *op == '-' && number(c->in[2], 1) == 1)
        return affine(c, 1, c->in[0], true);
    return fault(c, "of these two values is not supported");
}

static ink_status negative(call *c)
{
    const ink_torch_value *x = NULL;
    ink_torch_value out;
    if (numeric(c->in[0]))
        return put_number(c, c->in[0]->kind, -ink_script_number(c->in[0]));
    INK_TRY(take(c, 0, &x));
    INK_TRY(ink_torch_affine(c->m->net, x, (const float[]){ -1 }, 1, NULL, 0, &out));
    return put_picture(c, &out);
}

static ink_status compare(call *c)
{
    const char *op = c->row->node;
    bool value;
    if (is(c->in[0], INK_HOLDS_TEXT) && is(c->in[1], INK_HOLDS_TEXT)) {
        const bool equal = strcmp(c->in[0]->text, c->in[1]->text) == 0;
        value = *op == '=' ? equal : !equal;
    } else if (numeric(c->in[0]) && numeric(c->in[1])) {
        const double a = ink_script_number(c->in[0]), b = ink_script_number(c->in[1]);
        switch (*op) {
        case '=': value = a == b; break;
        case '!': value = a != b; break;
        case '<': value = op[1] ? a <= b : a < b; break;
        default: value = op[1] ? a >= b : a > b; break;
        }
    } else {
        return fault(c, "compares what is not known before it runs");
    }
    return put_number(c, INK_HOLDS_BOOL, value);
}

static ink_status logic(call *c)
{
    const bool a = truth(c->in[0], false), b = truth(c->in[1], false);
    const char *op = c->row->node;
    return put_number(c, INK_HOLDS_BOOL, *op == '!' ? !a : *op == '&' ? a && b : a || b);
}

static ink_status is_none(call *c)
{
    const bool equal = given(c->in[0]) == given(c->in[1]) && !(given(c->in[0]) && c->in[0] != c->in[1]);
    return put_number(c, INK_HOLDS_BOOL, equal == (*c->row->node == '='));
}

static ink_status convert(call *c)
{
    const char *kind = c->row->node;
    if (!numeric(c->in[0]))
        return fault(c, "takes a number that is not known before it runs");
    const double value = ink_script_number(c->in[0]);
    if (*kind == 'i')
        return put_number(c, INK_HOLDS_INT, trunc(value));
    return *kind == 'b' ? put_number(c, INK_HOLDS_BOOL, value != 0) : put_number(c, INK_HOLDS_FLOAT, value);
}

/* ---- sizes and lists ---- */

static ink_status put_sizes(call *c, const ink_torch_value *x)
{
    ink_script_value *list = NULL;
    INK_TRY(ink_script_new(c->m, INK_HOLDS_LIST, &list));
    for (uint32_t i = 0; i <= x->rank; i++) { /* of one picture: a batch of 1 */
        INK_TRY(put_number(c, INK_HOLDS_INT, i ? (double)x->dim[i - 1] : 1));
        INK_TRY(ink_script_append(c->m, list, c->out));
    }
    c->out = list;
    return INK_OK;
}

static ink_status at(call *c, const ink_script_value *list, const ink_script_value *index)
{
    int64_t i;
    if (!sizes(index, 1, &i))
        return wrong(c, "its index is no number");
    i += i < 0 ? (int64_t)list->count : 0;
    if (i < 0 || i >= (int64_t)list->count)
        return ink_fail(c->m->error, INK_ERR_SHAPE, "%s: has no item %lld of %zu", c->m->net->where, (long long)i,
                        list->count);
    c->out = list->items[i];
    return INK_OK;
}

static ink_status size(call *c)
{
    const ink_torch_value *x = NULL;
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return ink_script_new(c->m, INK_HOLDS_UNKNOWN, &c->out);
    INK_TRY(put_sizes(c, x));
    return given(c->in[1]) ? at(c, c->out, c->in[1]) : INK_OK;
}

static ink_status dim(call *c)
{
    const ink_torch_value *x = NULL;
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return ink_script_new(c->m, INK_HOLDS_UNKNOWN, &c->out);
    return put_number(c, INK_HOLDS_INT, (double)(x->rank + 1));
}

static ink_status numel(call *c)
{
    const ink_torch_value *x = NULL;
    INK_TRY(take(c, 0, &x));
    if (!x->node)
        return ink_script_new(c->m, INK_HOLDS_UNKNOWN, &c->out);
    return put_number(c, INK_HOLDS_INT, (double)ink_torch_elements(x));
}

static ink_status length(call *c)
{
    if (!is(c->in[0], INK_HOLDS_LIST))
        return is(c->in[0], INK_HOLDS_PICTURE) ? put_number(c, INK_HOLDS_INT, 1) : fault(c, "of no list");
    return put_number(c, INK_HOLDS_INT, (double)c->in[0]->count);
}

static ink_status item(call *c)
{
    if (!is(c->in[0], INK_HOLDS_LIST))
        return fault(c, "takes a part of the picture, or of what is not known");
    return at(c, c->in[0], c->in[1]);
}

/* slice(list, start, end, step) */
static ink_status slice(call *c)
{
    const ink_script_value *list = c->in[0];
    if (!is(list, INK_HOLDS_LIST) || number(c->in[3], 1) != 1)
        return fault(c, "takes a part of the picture, or of what is not known");
    int64_t bounds[2] = { 0, (int64_t)list->count };
    for (size_t i = 0; i < 2; i++) {
        if (is(c->in[i + 1], INK_HOLDS_INT))
            bounds[i] = c->in[i + 1]->integer;
        bounds[i] += bounds[i] < 0 ? (int64_t)list->count : 0;
        bounds[i] = bounds[i] < 0 ? 0 : bounds[i] > (int64_t)list->count ? (int64_t)list->count : bounds[i];
    }
    INK_TRY(ink_script_new(c->m, INK_HOLDS_LIST, &c->out));
    for (int64_t i = bounds[0]; i < bounds[1]; i++) {
        INK_TRY(ink_script_spend(c->m, 1));
        INK_TRY(ink_script_append(c->m, c->out, list->items[i]));
    }
    return INK_OK;
}

static ink_status append(call *c)
{
    if (!is(c->in[0], INK_HOLDS_LIST) || !c->in[1])
        return wrong(c, "appends to no list");
    c->out = c->in[0];
    return ink_script_append(c->m, c->in[0], c->in[1]);
}

static ink_status contains(call *c)
{
    bool found = false;
    for (size_t i = 0; is(c->in[0], INK_HOLDS_LIST) && i < c->in[0]->count; i++) {
        INK_TRY(ink_script_spend(c->m, 1));
        found = found || (numeric(c->in[1]) && numeric(c->in[0]->items[i]) &&
                          ink_script_number(c->in[1]) == ink_script_number(c->in[0]->items[i]));
    }
    return put_number(c, INK_HOLDS_BOOL, found);
}

static ink_status range(call *c)
{
    enum { MOST = 10000 };
    int64_t from = 0, until;
    const bool both = c->in[1] != NULL;
    ink_script_value *list;
    if (c->in[2] || !sizes(c->in[both ? 1 : 0], 1, &until) || (both && !sizes(c->in[0], 1, &from)))
        return fault(c, "goes over what is not known");
    INK_TRY(ink_script_new(c->m, INK_HOLDS_LIST, &list));
    if (until - from > MOST)
        return ink_fail(c->m->error, INK_ERR_LIMIT, "%s: more than %d times", c->m->net->where, MOST);
    for (int64_t i = from; i < until; i++) {
        INK_TRY(ink_script_spend(c->m, 1));
        INK_TRY(put_number(c, INK_HOLDS_INT, (double)i));
        INK_TRY(ink_script_append(c->m, list, c->out));
    }
    c->out = list;
    return INK_OK;
}

/* range(start, end, step) is written as range(__range_length(start, end, step)), its items as derived from those. */
static ink_status range_length(call *c)
{
    int64_t from, until, step;
    if (!sizes(c->in[0], 1, &from) || !sizes(c->in[1], 1, &until) || !sizes(c->in[2], 1, &step) || !step)
        return fault(c, "goes over what is not known");
    const int64_t way = step > 0 ? until - from : from - until, size = step > 0 ? step : -step;
    return put_number(c, INK_HOLDS_INT, way > 0 ? (double)((way + size - 1) / size) : 0);
}

static ink_status derive_index(call *c)
{
    int64_t at, from, step;
    if (!sizes(c->in[0], 1, &at) || !sizes(c->in[1], 1, &from) || !sizes(c->in[2], 1, &step))
        return fault(c, "goes over what is not known");
    return put_number(c, INK_HOLDS_INT, (double)from + (double)at * (double)step);
}

/* What adaptive pools write for a size of which parts are None. */
static ink_status list_with_default(call *c)
{
    if (!is(c->in[0], INK_HOLDS_LIST) || !is(c->in[1], INK_HOLDS_LIST) || c->in[0]->count > c->in[1]->count)
        return keep(c);
    INK_TRY(ink_script_new(c->m, INK_HOLDS_LIST, &c->out));
    for (size_t i = 0; i < c->in[0]->count; i++)
        INK_TRY(ink_script_append(c->m, c->out,
                                  given(c->in[0]->items[i])
                                      ? c->in[0]->items[i]
                                      : c->in[1]->items[c->in[1]->count - c->in[0]->count + i]));
    return INK_OK;
}

static ink_status nothing(call *c)
{
    return ink_script_new(c->m, INK_HOLDS_NONE, &c->out);
}

static ink_status words(call *c)
{
    return ink_script_new(c->m, INK_HOLDS_TEXT, &c->out);
}

static ink_status raise(call *c)
{
    return ink_fail(c->m->error, INK_ERR_SHAPE, "%s: '%.100s'", c->m->net->where,
                    is(c->in[0], INK_HOLDS_TEXT) ? c->in[0]->text : "");
}

/* torch.jit.optimize_for_inference puts weights into a form that is not saved; PyTorch cannot load such files. */
static ink_status lost_weights(call *c)
{
    return ink_fail(c->m->error, INK_ERR_MISSING, "%s: torch.jit.optimize_for_inference left its weights out of the "
                    "file; save the module as it was before", c->m->net->where);
}

const row ink_script_number_rows[] = {
    { "add", "input other alpha", arithmetic, "+" },
    { "sub", "input other alpha", arithmetic, "-" },
    { "rsub", "input other alpha", arithmetic, "r" },
    { "mul", "input other", arithmetic, "*" },
    { "div", "input other rounding_mode", arithmetic, "/" },
    { "floordiv", "a b", arithmetic, "f" },
    { "floor_divide", "a b", arithmetic, "f" },
    { "remainder", "a b", arithmetic, "%" },
    { "neg", "input", negative, NULL },
    { "eq", "a b", compare, "=" },
    { "ne", "a b", compare, "!" },
    { "lt", "a b", compare, "<" },
    { "le", "a b", compare, "<=" },
    { "gt", "a b", compare, ">" },
    { "ge", "a b", compare, ">=" },
    { "__not__", "a", logic, "!" },
    { "__and__", "a b", logic, "&" },
    { "__or__", "a b", logic, "|" },
    { "__is__", "a b", is_none, "=" },
    { "__isnot__", "a b", is_none, "!" },
    { "ops.prim.NumToTensor", "a", keep, NULL },
    { "ops.prim.unchecked_unwrap_optional", "a", keep, NULL },
    { "IntImplicit", "a", convert, "int" },
    { "FloatImplicit", "a", convert, "float" },
    { "ScalarImplicit", "a", convert, "float" },
    { "Int", "a", convert, "int" },
    { "Float", "a", convert, "float" },
    { "Bool", "a", convert, "bool" },
    { "int", "a", convert, "int" },
    { "bool", "a", convert, "bool" },
    { "size", "input dim", size, NULL },
    { "dim", "input", dim, NULL },
    { "numel", "input", numel, NULL },
    { "len", "a", length, NULL },
    { "__getitem__", "a index", item, NULL },
    { "slice", "a start end step", slice, NULL },
    { "append", "a item", append, NULL },
    { "list", "a", keep, NULL },
    { "list_with_default", "a defaults", list_with_default, NULL },
    { "__contains__", "a item", contains, NULL },
    { "__range_length", "start end step", range_length, NULL },
    { "__derive_index", "at start step", derive_index, NULL },
    { "range", "a b c", range, NULL },
    { "format", "a b c d e f", words, NULL },
    { "warn", "a b", nothing, NULL },
    { "device", "a b", words, NULL },
    { "ops.prim.device", "a", words, NULL },
    { "to_mkldnn", "a", lost_weights, NULL },
    { "ops.prim.ConstantMKLDNNTensor", "", lost_weights, NULL },
    { "ops.prim.RaiseException", "a b", raise, NULL },
    { NULL, NULL, NULL, NULL },
};
