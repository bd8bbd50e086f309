#include "import/torch/script_graph.h"

#include "import/torch/script_machine.h"

#include <stdio.h>
#include <string.h>

enum {
    STEPS_MOST = 1 << 17,        /* of one run */
    ALL_STEPS_MOST = 1 << 21,    /* of all runs that look for the picture's size */
    DEPTH_MOST = 400,            /* of calls, blocks and values within each other */
    LOCALS_MOST = 4096,
    TEXT_MOST = 4 << 20,         /* bytes of code that are read */
    NAME_MOST = 400,
};

/* What all runs share: files that were read. */
typedef struct code {
    const char *name; /* "__torch__.torch.nn.modules.conv" */
    const ink_script *script;
} code;

struct ink_script_cache {
    code *codes;
    size_t code_count, code_room, bytes;
    size_t steps; /* that are left to all runs */
};

typedef struct local {
    uint32_t hash;
    const char *name;
    ink_script_value *value;
} local;

/* A function that runs. */
typedef struct frame {
    const ink_script *script;
    local *locals;
    size_t count, room;
    ink_script_value *result; /* once it returned */
} frame;

typedef ink_script_machine machine;
typedef ink_script_value value;

/* ---- memory, steps and depth ---- */

static ink_status no_memory(const machine *m)
{
    return ink_fail(m->error, INK_ERR_MEMORY, "no memory to follow its code");
}

ink_status ink_script_spend(machine *m, size_t steps)
{
    if (steps > m->left)
        return ink_fail(m->error, INK_ERR_LIMIT, "its code takes more than %d steps", STEPS_MOST);
    m->left -= steps;
    return INK_OK;
}

static ink_status enter(machine *m)
{
    INK_TRY(ink_script_spend(m, 1));
    if (++m->depth > DEPTH_MOST)
        return ink_fail(m->error, INK_ERR_LIMIT, "its code is nested too deep, or calls itself");
    return INK_OK;
}

ink_status ink_script_new(machine *m, ink_script_holds kind, value **out)
{
    *out = ink_arena_array(m->arena, 1, sizeof **out);
    if (!*out)
        return no_memory(m);
    (*out)->kind = kind;
    (*out)->text = "";
    if (kind == INK_HOLDS_PICTURE)
        (*out)->storage = ink_arena_array(m->arena, 1, sizeof *(*out)->storage);
    return kind != INK_HOLDS_PICTURE || (*out)->storage ? INK_OK : no_memory(m);
}

ink_status ink_script_append(machine *m, value *list, value *item)
{
    value **items = ink_arena_grow(m->arena, list->items, list->count, sizeof *items, &list->room);
    if (!items)
        return no_memory(m);
    list->items = items;
    list->items[list->count++] = item;
    return INK_OK;
}

static ink_status new_text(machine *m, ink_script_holds kind, const char *text, value **out)
{
    INK_TRY(ink_script_new(m, kind, out));
    (*out)->text = text;
    return text ? INK_OK : no_memory(m);
}

static ink_status fail_at(machine *m, const frame *f, uint32_t line, ink_status status, const char *what,
                          const char *name)
{
    return ink_fail(m->error, status, "%s:%lu: %s '%.60s'", f->script->file, (unsigned long)line, what, name);
}

/* ---- files ---- */

static ink_status add_code(ink_arena *arena, struct ink_script_cache *cache, const char *name, const char *path,
                           const uint8_t *text, size_t size, const ink_script **out, ink_error *error)
{
    code *codes = ink_arena_grow(arena, cache->codes, cache->code_count, sizeof *codes, &cache->code_room);
    ink_script *script = ink_arena_array(arena, 1, sizeof *script);
    const char *kept = ink_arena_string(arena, name, strlen(name));
    if (!codes || !script || !kept)
        return ink_fail(error, INK_ERR_MEMORY, "no memory to read its code");
    cache->codes = codes;
    INK_TRY(ink_script_parse(path, text, size, arena, script, error));
    cache->codes[cache->code_count++] = (code){ kept, script };
    *out = script;
    return INK_OK;
}

/* "__torch__.torch.nn.modules.conv" is code/__torch__/torch/nn/modules/conv.py; NULL where there is none. */
static ink_status find_code(machine *m, const char *name, const ink_script **out)
{
    struct ink_script_cache *cache = m->cache;
    for (size_t i = 0; i < cache->code_count; i++)
        if (strcmp(cache->codes[i].name, name) == 0) {
            *out = cache->codes[i].script;
            return INK_OK;
        }
    char *path = ink_arena_format(m->file->arena, "code/%s.py", name);
    const uint8_t *bytes = NULL;
    size_t size = 0;
    if (!path)
        return no_memory(m);
    for (char *at = path + 5; at < path + 5 + strlen(name); at++)
        *at = *at == '.' ? '/' : *at;
    *out = NULL;
    INK_TRY(ink_torch_member(m->file, path, &bytes, &size, m->error));
    if (!bytes)
        return INK_OK;
    if (size > TEXT_MOST - cache->bytes)
        return ink_fail(m->error, INK_ERR_LIMIT, "has more than %d bytes of code", TEXT_MOST);
    cache->bytes += size;
    return add_code(m->file->arena, cache, name, path + 5, bytes, size, out, m->error);
}

/* "FILE.NAME" in two. */
static ink_status find_named(machine *m, const char *path, const ink_script **script, const char **name)
{
    const char *dot = strrchr(path, '.');
    const char *file = dot ? ink_arena_string(m->arena, path, (size_t)(dot - path)) : NULL;
    *script = NULL;
    *name = dot ? dot + 1 : path;
    if (dot && !file)
        return no_memory(m);
    return dot && strlen(path) < NAME_MOST ? find_code(m, file, script) : INK_OK;
}

/* ---- what the archive holds, as values ---- */

/* A tensor of no axes is a number. */
static ink_status tensor_value(machine *m, ink_torch_file *file, const ink_pickle *from, const char *name, value **out)
{
    const ink_weight *weight = NULL;
    INK_TRY(ink_torch_tensor_once(file, from, name, &weight, m->error));
    INK_TRY(new_text(m, weight->rank ? INK_HOLDS_WEIGHT : INK_HOLDS_FLOAT, name, out));
    (*out)->weight = weight;
    (*out)->number = weight->rank || !weight->elements ? 0 : (double)weight->data[0];
    return INK_OK;
}

static ink_status from_pickle(machine *m, ink_torch_file *file, const ink_pickle *from, const char *name, value **out);

static ink_status list_value(machine *m, ink_torch_file *file, const ink_pickle *from, const char *name, value **out)
{
    INK_TRY(ink_script_new(m, INK_HOLDS_LIST, out));
    for (size_t i = 0; i < from->count; i++) {
        value *item;
        INK_TRY(from_pickle(m, file, from->items[i], name, &item));
        INK_TRY(ink_script_append(m, *out, item));
    }
    return INK_OK;
}

static ink_status from_pickle(machine *m, ink_torch_file *file, const ink_pickle *from, const char *name, value **out)
{
    static const ink_script_holds kinds[] = {
        [INK_PICKLE_NONE] = INK_HOLDS_NONE, [INK_PICKLE_BOOL] = INK_HOLDS_BOOL, [INK_PICKLE_INT] = INK_HOLDS_INT,
        [INK_PICKLE_FLOAT] = INK_HOLDS_FLOAT, [INK_PICKLE_TEXT] = INK_HOLDS_TEXT,
    };
    ink_status status;
    INK_TRY(enter(m));
    if (ink_torch_is_tensor(from)) {
        status = tensor_value(m, file, from, name, out);
    } else if (from->kind == INK_PICKLE_CALL && from->items[0]->count) { /* build_intlist, restore_type_tag */
        status = from_pickle(m, file, from->items[0]->items[0], name, out);
    } else if (from->kind == INK_PICKLE_LIST || from->kind == INK_PICKLE_TUPLE) {
        status = list_value(m, file, from, name, out);
    } else if (from->kind == INK_PICKLE_OBJECT) {
        status = new_text(m, INK_HOLDS_OBJECT, name, out);
        if (!status)
            (*out)->object = from;
    } else if (from->kind <= INK_PICKLE_TEXT) {
        status = new_text(m, kinds[from->kind], from->kind == INK_PICKLE_TEXT ? from->text : "", out);
        if (!status) {
            (*out)->integer = from->integer;
            (*out)->number = from->number;
        }
    } else {
        status = ink_script_new(m, INK_HOLDS_UNKNOWN, out);
    }
    m->depth--;
    return status;
}

/* CONSTANTS.c3 */
static ink_status find_constant(machine *m, const frame *f, uint32_t line, const char *name, value **out)
{
    size_t index = 0;
    const size_t digits = *name == 'c' ? strspn(name + 1, "0123456789") : 0;
    for (size_t i = 0; i < digits && i < 8; i++)
        index = index * 10 + (size_t)(name[1 + i] - '0');
    const ink_pickle *root = m->constants->root;
    if (!digits || name[1 + digits] || !root || root->kind != INK_PICKLE_TUPLE || index >= root->count)
        return fail_at(m, f, line, INK_ERR_MISSING, "there is no constant", name);
    return from_pickle(m, m->constants, root->items[index], "", out);
}

/* ---- names and attributes ---- */

static ink_status set_local(machine *m, frame *f, const char *name, uint32_t hash, value *to)
{
    for (size_t i = f->count; i-- > 0;)
        if (f->locals[i].hash == hash && strcmp(f->locals[i].name, name) == 0) {
            f->locals[i].value = to;
            return INK_OK;
        }
    if (f->count == LOCALS_MOST)
        return ink_fail(m->error, INK_ERR_LIMIT, "%s: more than %d local names", f->script->file, LOCALS_MOST);
    local *locals = ink_arena_grow(m->arena, f->locals, f->count, sizeof *locals, &f->room);
    if (!locals)
        return no_memory(m);
    f->locals = locals;
    f->locals[f->count++] = (local){ hash, name, to };
    return INK_OK;
}

/* A name that is not local is the beginning of torch.nn, or a function. */
static ink_status eval_name(machine *m, const frame *f, const ink_script_tree *tree, value **out)
{
    for (size_t i = f->count; i-- > 0;)
        if (f->locals[i].hash == tree->hash && strcmp(f->locals[i].name, tree->text) == 0) {
            *out = f->locals[i].value;
            return INK_OK;
        }
    return new_text(m, INK_HOLDS_FUNCTION, tree->text, out);
}

static ink_status eval(machine *m, frame *f, const ink_script_tree *tree, value **out);

/* NAME : Final[int] = 3 */
static ink_status class_constant(machine *m, const char *class, const char *name, value **out)
{
    const ink_script *script;
    const char *last;
    *out = NULL;
    INK_TRY(find_named(m, class, &script, &last));
    for (size_t i = 0; script && i < script->constant_count; i++)
        if (strcmp(script->constants[i].name, name) == 0 && strcmp(script->constants[i].class, last) == 0) {
            frame empty = { .script = script };
            return eval(m, &empty, script->constants[i].value, out);
        }
    return INK_OK;
}

static ink_status object_attribute(machine *m, const frame *f, uint32_t line, value *object, const char *name,
                                   value **out)
{
    const ink_pickle *found = ink_pickle_get(object->object->state, name);
    const ink_script *script;
    const char *class;
    if (strcmp(name, "training") == 0)
        return ink_script_new(m, INK_HOLDS_BOOL, out); /* false: as after eval() */
    if (found) {
        const char *path = ink_arena_format(m->arena, "%s%s%.200s", object->text, *object->text ? "." : "", name);
        if (!path)
            return no_memory(m);
        return from_pickle(m, m->file, found, path, out);
    }
    INK_TRY(find_named(m, object->object->text, &script, &class));
    if (script && ink_script_find(script, class, name)) {
        INK_TRY(new_text(m, INK_HOLDS_FUNCTION, name, out));
        return ink_script_append(m, *out, object);
    }
    INK_TRY(class_constant(m, object->object->text, name, out));
    return *out ? INK_OK : fail_at(m, f, line, INK_ERR_MISSING, "the module has no", name);
}

static ink_status attribute_of(machine *m, const frame *f, uint32_t line, value *object, const char *name,
                               value **out)
{
    if (object->kind == INK_HOLDS_OBJECT)
        return object_attribute(m, f, line, object, name, out);
    if (object->kind == INK_HOLDS_FUNCTION && !object->count) {
        if (strcmp(object->text, "CONSTANTS") == 0)
            return find_constant(m, f, line, name, out);
        if (strlen(object->text) + strlen(name) >= NAME_MOST)
            return fail_at(m, f, line, INK_ERR_LIMIT, "too long a name:", name);
        return new_text(m, INK_HOLDS_FUNCTION, ink_arena_format(m->arena, "%s.%s", object->text, name), out);
    }
    if (object->kind == INK_HOLDS_UNKNOWN)
        return ink_script_new(m, INK_HOLDS_UNKNOWN, out);
    return fail_at(m, f, line, INK_ERR_OP, "not supported: the attribute", name);
}

/* ---- calls ---- */

static ink_status run_block(machine *m, frame *f, const ink_script_block *block);

/* A function of the archive. */
static ink_status call_script(machine *m, const ink_script *script, const ink_script_function *function,
                              value *const *arguments, const char *const *keywords, size_t count, value **out)
{
    frame f = { .script = script };
    for (size_t i = 0; i < count; i++) {
        const char *name = keywords[i];
        if (!name && i >= function->count)
            return fail_at(m, &f, function->line, INK_ERR_FORMAT, "too many arguments are given to", function->name);
        name = name ? name : function->parameters[i].name;
        INK_TRY(set_local(m, &f, name, ink_script_hash(name), arguments[i]));
    }
    for (size_t i = 0; i < function->count; i++) {
        const ink_script_parameter *p = &function->parameters[i];
        bool is_set = false;
        value *usual;
        for (size_t k = 0; k < f.count && k < count && !is_set; k++)
            is_set = strcmp(f.locals[k].name, p->name) == 0;
        if (is_set)
            continue;
        if (!p->value)
            return fail_at(m, &f, function->line, INK_ERR_FORMAT, "no argument is given for", p->name);
        INK_TRY(eval(m, &f, p->value, &usual));
        INK_TRY(set_local(m, &f, p->name, p->hash, usual));
    }
    INK_TRY(run_block(m, &f, &function->body));
    *out = f.result;
    return *out ? INK_OK : ink_script_new(m, INK_HOLDS_NONE, out);
}

static ink_status call_method(machine *m, const frame *f, uint32_t line, const value *method, value **arguments,
                              const char *const *keywords, size_t count, value **out)
{
    const char *outer = m->module, *class;
    const ink_script *script;
    value *object = method->items[0];
    INK_TRY(find_named(m, object->object->text, &script, &class));
    const ink_script_function *function = script ? ink_script_find(script, class, method->text) : NULL;
    if (!function)
        return fail_at(m, f, line, INK_ERR_MISSING, "the module has no", method->text);
    m->module = object->text;
    arguments[0] = object;
    const ink_status status = call_script(m, script, function, arguments, keywords, count, out);
    m->module = outer;
    return status;
}

static ink_status call_torch(machine *m, const frame *f, uint32_t line, const char *name, value *const *arguments,
                             const char *const *keywords, size_t count, value **out)
{
    const char *where = ink_arena_format(m->arena, "%s:%lu: %s", f->script->file, (unsigned long)line, name);
    if (!where)
        return no_memory(m);
    m->net->where = where;
    m->net->name = m->module;
    return ink_script_operate(m, name, arguments, keywords, count, out);
}

/* getattr(self, "0") */
static ink_status call_getattr(machine *m, const frame *f, uint32_t line, value *const *arguments, size_t count,
                               value **out)
{
    if (count != 2 || arguments[1]->kind != INK_HOLDS_TEXT)
        return fail_at(m, f, line, INK_ERR_FORMAT, "malformed:", "getattr");
    return attribute_of(m, f, line, arguments[0], arguments[1]->text, out);
}

static ink_status call_function(machine *m, const frame *f, uint32_t line, const char *name, value *const *arguments,
                                const char *const *keywords, size_t count, value **out)
{
    const ink_script *script;
    const char *last;
    if (strcmp(name, "getattr") == 0)
        return call_getattr(m, f, line, arguments, count, out);
    if (strncmp(name, "__torch__.", 10) != 0)
        return call_torch(m, f, line, name, arguments, keywords, count, out);
    INK_TRY(find_named(m, name, &script, &last));
    const ink_script_function *function = script ? ink_script_find(script, "", last) : NULL;
    if (!function)
        return fail_at(m, f, line, INK_ERR_MISSING, "there is no function", name);
    return call_script(m, script, function, arguments, keywords, count, out);
}

/* annotate(TYPE, value), unchecked_cast(TYPE, value), uninitialized(TYPE): types mean nothing here. */
static bool is_cast(const ink_script_tree *function)
{
    static const char *const names[] = { "annotate", "unchecked_cast", "uninitialized" };
    for (size_t i = 0; function->kind == INK_SCRIPT_NAME && i < sizeof names / sizeof *names; i++)
        if (strcmp(function->text, names[i]) == 0)
            return true;
    return false;
}

static ink_status eval_call(machine *m, frame *f, const ink_script_tree *tree, value **out)
{
    value *function;
    if (is_cast(tree->items[0])) {
        if (tree->count == 3)
            return eval(m, f, tree->items[2], out);
        return ink_script_new(m, INK_HOLDS_NONE, out);
    }
    INK_TRY(eval(m, f, tree->items[0], &function));
    if (function->kind != INK_HOLDS_FUNCTION)
        return fail_at(m, f, tree->line, INK_ERR_OP, "calls what is no function", tree->items[0]->text);
    const size_t bound = function->count, count = tree->count - 1 + bound;
    value **arguments = ink_arena_array(m->arena, count + 1, sizeof *arguments);
    const char **keywords = ink_arena_array(m->arena, count + 1, sizeof *keywords);
    if (!arguments || !keywords)
        return no_memory(m);
    for (size_t i = bound; i < count; i++) {
        keywords[i] = tree->keywords[i + 1 - bound];
        INK_TRY(eval(m, f, tree->items[i + 1 - bound], &arguments[i]));
    }
    if (bound)
        return call_method(m, f, tree->line, function, arguments, keywords, count, out);
    return call_function(m, f, tree->line, function->text, arguments, keywords, count, out);
}

/* ---- values ---- */

static ink_status eval_list(machine *m, frame *f, const ink_script_tree *tree, value **out)
{
    INK_TRY(ink_script_new(m, INK_HOLDS_LIST, out));
    for (size_t i = 0; i < tree->count; i++) {
        value *item;
        INK_TRY(eval(m, f, tree->items[i], &item));
        INK_TRY(ink_script_append(m, *out, item));
    }
    return INK_OK;
}

static ink_status eval_index(machine *m, frame *f, const ink_script_tree *tree, value **out)
{
    static const char *const keywords[2] = { NULL, NULL };
    value *pair[2];
    if (tree->count != 2)
        return fail_at(m, f, tree->line, INK_ERR_OP, "not supported:", "an index of several parts");
    INK_TRY(eval(m, f, tree->items[0], &pair[0]));
    INK_TRY(eval(m, f, tree->items[1], &pair[1]));
    return call_torch(m, f, tree->line, "torch.__getitem__", pair, keywords, 2, out);
}

static ink_status eval_one(machine *m, frame *f, const ink_script_tree *tree, value **out)
{
    value *object;
    switch (tree->kind) {
    case INK_SCRIPT_NONE: return ink_script_new(m, INK_HOLDS_NONE, out);
    case INK_SCRIPT_BOOL:
    case INK_SCRIPT_INT:
        INK_TRY(ink_script_new(m, tree->kind == INK_SCRIPT_BOOL ? INK_HOLDS_BOOL : INK_HOLDS_INT, out));
        (*out)->integer = tree->integer;
        return INK_OK;
    case INK_SCRIPT_FLOAT:
        INK_TRY(ink_script_new(m, INK_HOLDS_FLOAT, out));
        (*out)->number = tree->number;
        return INK_OK;
    case INK_SCRIPT_TEXT: return new_text(m, INK_HOLDS_TEXT, tree->text, out);
    case INK_SCRIPT_NAME: return eval_name(m, f, tree, out);
    case INK_SCRIPT_LIST: return eval_list(m, f, tree, out);
    case INK_SCRIPT_DICT: break;
    case INK_SCRIPT_ATTRIBUTE:
        INK_TRY(eval(m, f, tree->items[0], &object));
        return attribute_of(m, f, tree->line, object, tree->text, out);
    case INK_SCRIPT_INDEX: return eval_index(m, f, tree, out);
    case INK_SCRIPT_CALL: return eval_call(m, f, tree, out);
    }
    return fail_at(m, f, tree->line, INK_ERR_OP, "not supported:", "a dict");
}

static ink_status eval(machine *m, frame *f, const ink_script_tree *tree, value **out)
{
    INK_TRY(enter(m));
    const ink_status status = eval_one(m, f, tree, out);
    m->depth--;
    return status;
}

/* ---- statements ---- */

static ink_status assign(machine *m, frame *f, const ink_script_line *line, value *from)
{
    if (!line->unpacks)
        return set_local(m, f, line->targets[0]->text, line->targets[0]->hash, from);
    if (from->kind != INK_HOLDS_UNKNOWN && (from->kind != INK_HOLDS_LIST || from->count != line->target_count))
        return fail_at(m, f, line->line, INK_ERR_FORMAT, "there are not as many values as names:",
                       line->target_count ? line->targets[0]->text : "");
    for (size_t i = 0; i < line->target_count; i++)
        INK_TRY(set_local(m, f, line->targets[i]->text, line->targets[i]->hash,
                          from->kind == INK_HOLDS_LIST ? from->items[i] : from));
    return INK_OK;
}

static ink_status run_if(machine *m, frame *f, const ink_script_line *line, const value *condition)
{
    if (!ink_script_is_number(condition))
        return fail_at(m, f, line->line, INK_ERR_OP, "which way to go is not known before it runs:", "if");
    return run_block(m, f, ink_script_number(condition) != 0 ? &line->body : &line->other);
}

static ink_status run_for(machine *m, frame *f, const ink_script_line *line, const value *list)
{
    if (list->kind != INK_HOLDS_LIST)
        return fail_at(m, f, line->line, INK_ERR_OP, "goes over what is no list:", "for");
    for (size_t i = 0; i < list->count && !f->result; i++) {
        INK_TRY(ink_script_spend(m, 1));
        INK_TRY(set_local(m, f, line->targets[0]->text, line->targets[0]->hash, list->items[i]));
        INK_TRY(run_block(m, f, &line->body));
    }
    return INK_OK;
}

static ink_status run_line(machine *m, frame *f, const ink_script_line *line)
{
    value *from = NULL;
    if (line->value)
        INK_TRY(eval(m, f, line->value, &from));
    else
        INK_TRY(ink_script_new(m, INK_HOLDS_NONE, &from));
    switch (line->step) {
    case INK_SCRIPT_ASSIGN: return assign(m, f, line, from);
    case INK_SCRIPT_VALUE: return INK_OK;
    case INK_SCRIPT_RETURN: f->result = from; return INK_OK;
    case INK_SCRIPT_IF: return run_if(m, f, line, from);
    case INK_SCRIPT_FOR: return run_for(m, f, line, from);
    }
    return INK_OK;
}

static ink_status run_block(machine *m, frame *f, const ink_script_block *block)
{
    INK_TRY(enter(m));
    for (size_t i = 0; i < block->count && !f->result; i++)
        INK_TRY(run_line(m, f, &block->lines[i]));
    m->depth--;
    return INK_OK;
}

/* ---- the whole ---- */

typedef struct reader {
    ink_torch_file *file, constants;
    struct ink_script_cache cache;
} reader;

static ink_status finish(machine *m, const value *result)
{
    ink_torch_value out;
    m->net->where = "its result";
    if (result->kind == INK_HOLDS_UNKNOWN || (result->kind == INK_HOLDS_PICTURE && !result->picture.node))
        return INK_OK;
    if (result->kind != INK_HOLDS_PICTURE) {
        ink_torch_fault(m->net, "is %s, wanted the scores of the classes",
                        result->kind == INK_HOLDS_LIST ? "several values" : "not computed from the picture");
        return INK_OK;
    }
    if (result->version != result->storage->version)
        return ink_fail(m->error, INK_ERR_OP, "its result was changed in place by way of another view of it");
    return ink_torch_finish(m->net, &result->picture, &out);
}

static ink_status run_forward(machine *m, const ink_torch_value *input)
{
    static const char *const keywords[2] = { NULL, NULL };
    value *root, *method, *arguments[2], *result;
    const frame none = { .script = &(const ink_script){ .file = "code" } };
    INK_TRY(from_pickle(m, m->file, m->file->root, "", &root));
    INK_TRY(new_text(m, INK_HOLDS_FUNCTION, "forward", &method));
    INK_TRY(ink_script_append(m, method, root));
    INK_TRY(ink_script_new(m, INK_HOLDS_PICTURE, &arguments[1]));
    arguments[1]->picture = *input;
    arguments[0] = root;
    INK_TRY(call_method(m, &none, 0, method, arguments, keywords, 2, &result));
    return finish(m, result);
}

static ink_status run(void *data, ink_torch_net *net, const ink_torch_value *input)
{
    reader *r = data;
    ink_arena arena;
    ink_arena_init(&arena, &r->file->arena->allocator);
    machine m = { .file = r->file, .constants = &r->constants, .net = net, .arena = &arena, .cache = &r->cache,
                  .module = "", .left = STEPS_MOST < r->cache.steps ? STEPS_MOST : r->cache.steps,
                  .error = net->error };
    const size_t before = m.left;
    const ink_status status = run_forward(&m, input);
    r->cache.steps -= before - m.left;
    ink_arena_free(&arena);
    /* behind what is not supported nothing is certain: the faults are what is to be told */
    const bool told = net->faults && (status == INK_ERR_OP || status == INK_ERR_SHAPE || status == INK_ERR_FORMAT);
    return told ? INK_OK : status;
}

/* The shape of the picture that the network was traced with, which newer versions keep. */
static bool traced_input(ink_torch_file *file, ink_torch_value *out)
{
    ink_torch_file inputs;
    uint32_t rank;
    uint64_t dim[INK_WEIGHT_DIMS];
    if (ink_torch_beside(file, "traced_inputs", &inputs, NULL))
        return false;
    const ink_pickle *at = inputs.root;
    for (int depth = 0; depth < 4 && !ink_torch_is_tensor(at); depth++) {
        if (at->kind == INK_PICKLE_CALL && at->items[0]->count)
            at = at->items[0]->items[0];
        else if (at->kind == INK_PICKLE_DICT && ink_pickle_get(at, "forward"))
            at = ink_pickle_get(at, "forward");
        else if ((at->kind == INK_PICKLE_LIST || at->kind == INK_PICKLE_TUPLE) && at->count == 1)
            at = at->items[0];
    }
    if (!ink_torch_sizes(at, &rank, dim) || rank < 2 || rank > 4)
        return false;
    *out = (ink_torch_value){ .node = "input", .rank = rank - 1 };
    memcpy(out->dim, dim + 1, (rank - 1) * sizeof *dim);
    return true;
}

bool ink_script_has_graph(ink_torch_file *file)
{
    const ink_pickle *root = file->root;
    const char *dot = root->kind == INK_PICKLE_OBJECT ? strrchr(root->text, '.') : NULL;
    const uint8_t *bytes = NULL;
    size_t size;
    if (!file->script || !dot || strlen(root->text) >= NAME_MOST)
        return false;
    char *path = ink_arena_format(file->arena, "code/%.*s", (int)(dot - root->text), root->text);
    for (char *at = path; at && *at; at++)
        *at = *at == '.' ? '/' : *at;
    path = path ? ink_arena_format(file->arena, "%s.py", path) : NULL;
    return path && !ink_torch_member(file, path, &bytes, &size, NULL) && bytes;
}

static ink_status draft_by(reader *r, ink_draft *draft, ink_error *error)
{
    ink_torch_value hint;
    if (r->file->root->kind != INK_PICKLE_OBJECT)
        return ink_fail(error, INK_ERR_FORMAT, "its root is no module");
    const ink_status status = ink_torch_beside(r->file, "constants", &r->constants, error);
    if (status && status != INK_ERR_MISSING)
        return status;
    return ink_torch_fit(draft, traced_input(r->file, &hint) ? &hint : NULL, run, r, error);
}

ink_status ink_script_draft(ink_torch_file *file, ink_draft *draft, ink_error *error)
{
    reader r = { .file = file, .cache = { .steps = ALL_STEPS_MOST } };
    return draft_by(&r, draft, error);
}

ink_status ink_script_draft_by(ink_torch_file *file, const char *name, const uint8_t *text, size_t size,
                               ink_draft *draft, ink_error *error)
{
    reader r = { .file = file, .cache = { .steps = ALL_STEPS_MOST } };
    const ink_script *script;
    INK_TRY(add_code(file->arena, &r.cache, name, name, text, size, &script, error));
    return draft_by(&r, draft, error);
}
