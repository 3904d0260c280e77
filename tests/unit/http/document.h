#ifndef CT_TESTS_UNIT_HTTP_DOCUMENT_H
#define CT_TESTS_UNIT_HTTP_DOCUMENT_H

#include <jansson.h>
#include <string.h>

#include "base/text.h"

/* ---- what a document says ---- */

void *__real_malloc(size_t size);

/* jansson 2.14 writes behind the end of strings when it is without memory (load.c, lex_save): where the
 * test reads, it is spared. */
static inline json_t *parse(struct ct_str text)
{
    json_malloc_t take;
    json_free_t give;
    json_get_alloc_funcs(&take, &give);
    json_set_alloc_funcs(__real_malloc, give);
    json_t *root = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    json_set_alloc_funcs(take, give);
    return root;
}

/* The value at a path of names, "" for any depth of none; NULL when it is not there. */
static inline const json_t *at(const json_t *node, const char *const *path)
{
    for (; node != NULL && *path != NULL; path++)
        node = json_is_array(node) ? json_array_get(node, (size_t)(**path - '0'))
                                   : json_object_get(node, *path);
    return node;
}
#define AT(node, ...) at((node), (const char *const[]){__VA_ARGS__, NULL})

static inline bool text_at_is(const json_t *node, const char *expected)
{
    return json_is_string(node) && strcmp(json_string_value(node), expected) == 0;
}

/* Follows "#/a/b". The names of this document need no escapes (RFC 6901). */
static inline const json_t *resolve(const json_t *root, const char *reference)
{
    char name[64];
    if (strncmp(reference, "#/", 2) != 0)
        return NULL;
    for (const char *from = reference + 2; root != NULL; from += strlen(name) + 1) {
        size_t size = strcspn(from, "/");
        if (size >= sizeof(name))
            return NULL;
        memcpy(name, from, size);
        name[size] = '\0';
        root = json_object_get(root, name);
        if (from[size] == '\0')
            return root;
    }
    return NULL;
}

/* Whether every $ref below this node leads somewhere. */
static inline bool references_resolve(const json_t *root, const json_t *node)
{
    const char *key;
    size_t i;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)node, key, member)
    {
        if (strcmp(key, "$ref") == 0 &&
            (!json_is_string(member) || resolve(root, json_string_value(member)) == NULL))
            return false;
        if (!references_resolve(root, member))
            return false;
    }
    json_array_foreach(node, i, member)
    {
        if (!references_resolve(root, member))
            return false;
    }
    return true;
}

/** Whether a value is the same as this JSON. */
static inline bool same(const json_t *node, const char *json)
{
    json_t *expected = parse(ct_str_of(json));
    bool equal = json_equal(node, expected) == 1;
    json_decref(expected);
    return equal;
}

#endif
