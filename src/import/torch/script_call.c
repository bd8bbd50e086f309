#include "import/torch/script_calls.h"

static const row *row_named(const char *name)
{
    static const row *const tables[] = { ink_script_layer_rows, ink_script_number_rows };
    if (strncmp(name, "torch.", 6) == 0)
        name += 6;
    else if (strncmp(name, "ops.aten.", 9) == 0)
        name += 9;
    const size_t length = strlen(name);
    const bool in_place = length > 2 && name[length - 1] == '_' && name[length - 2] != '_';
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const row *r = tables[t]; r->name; r++)
            if (strncmp(r->name, name, length - in_place) == 0 && !r->name[length - in_place])
                return r;
    return NULL;
}

/* The place of a parameter among the row's; INK_SCRIPT_SLOTS where it has none of that name. */
static size_t slot_named(const char *parameters, const char *name)
{
    const size_t length = strlen(name);
    size_t slot = 0;
    for (const char *at = parameters; *at; slot++) {
        const size_t size = strcspn(at, " ");
        if (size == length && memcmp(at, name, size) == 0)
            return slot;
        at += size + (at[size] == ' ');
    }
    return INK_SCRIPT_SLOTS;
}

/* torch._convolution and torch.batch_norm say more behind their arguments, about how to run: flags. */
static bool may_have_more(const row *r)
{
    static const char *const names[] = { "_convolution", "batch_norm", "format", "warn", "device",
                                         "ops.prim.RaiseException" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(r->name, names[i]) == 0)
            return true;
    return false;
}

/* What takes a value that is not known and gives one that is; of the others such a value makes another. */
static bool takes_unknown(const row *r)
{
    static const char *const names[] = { "format", "warn", "__is__", "__isnot__", "append" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(r->name, names[i]) == 0)
            return true;
    return false;
}

static ink_status bind(call *c, ink_script_value *const *arguments, const char *const *keywords, size_t count)
{
    size_t known = 0;
    for (const char *at = c->row->parameters; at; at = strchr(at + 1, ' '))
        known++;
    for (size_t i = 0; i < count; i++) {
        const size_t slot = keywords[i] ? slot_named(c->row->parameters, keywords[i]) : i;
        if (slot < known)
            c->in[slot] = arguments[i];
        else if (!may_have_more(c->row))
            return fault(c, "has an argument that is not known here");
    }
    return c->in[0] || !*c->row->parameters ? INK_OK : wrong(c, "has no argument");
}

/* What changes in place changes all views: this one is brought up to date, the others are not. */
static ink_status change_in_place(call *c)
{
    ink_script_value *x = c->in[0];
    if (!is(x, INK_HOLDS_PICTURE) || !is(c->out, INK_HOLDS_PICTURE) || x == c->out)
        return INK_OK;
    x->picture = c->out->picture;
    x->version = ++x->storage->version;
    c->out = x;
    return INK_OK;
}

ink_status ink_script_operate(ink_script_machine *m, const char *function, ink_script_value *const *arguments,
                              const char *const *keywords, size_t count, ink_script_value **out)
{
    call c = { .m = m, .row = row_named(function) };
    const size_t length = strlen(function);
    if (!c.row) {
        ink_torch_fault(m->net, "is not supported");
        return ink_script_new(m, INK_HOLDS_UNKNOWN, out);
    }
    c.name = c.row->name;
    INK_TRY(bind(&c, arguments, keywords, count));
    if (!c.out && any_unknown(&c) && !takes_unknown(c.row))
        INK_TRY(ink_script_new(m, INK_HOLDS_UNKNOWN, &c.out));
    if (!c.out)
        INK_TRY(c.row->run(&c));
    if (length > 2 && function[length - 1] == '_' && function[length - 2] != '_')
        INK_TRY(change_in_place(&c));
    *out = c.out;
    return INK_OK;
}
