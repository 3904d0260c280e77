#include "numbers/pool_pieces.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "numbers/inventory.h"
#include "numbers/number_set.h"

#define COUNTRY_SIZE sizeof(((struct ct_pool_piece *)NULL)->country)
static const char NO_COUNTRY[COUNTRY_SIZE] = {'-', '-'};

static int compare_pieces(const void *a, const void *b)
{
    const struct ct_pool_piece *left = a;
    const struct ct_pool_piece *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

void ct_pool_pieces_sort(struct ct_pool_piece *pieces, size_t count, struct ct_pool_pieces *out)
{
    size_t kept = 0;
    qsort(pieces, count, sizeof(*pieces), compare_pieces);
    for (size_t i = 1; i < count; i++) {
        if (pieces[i].first > pieces[kept].last + 1)
            pieces[++kept] = pieces[i];
        else if (pieces[i].last > pieces[kept].last)
            pieces[kept].last = pieces[i].last;
    }
    *out = (struct ct_pool_pieces){.at = pieces, .count = kept + 1};
    out->ranges = (int64_t)out->count;
    for (size_t i = 0; i < out->count; i++)
        out->size += pieces[i].last - pieces[i].first + 1;
}

struct describing {
    struct ct_plan *plan;
    struct ct_buf pieces;
};

static enum ct_result country_of(struct ct_plan *plan, int64_t number, char out[COUNTRY_SIZE])
{
    alignas(max_align_t) char memory[2 * CT_ARENA_ROOM];
    struct ct_plan_info info = {0};
    struct ct_str e164;
    struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_number_e164(arena, number, &e164);
    if (result == CT_OK)
        result = ct_plan_describe(plan, arena, e164, &info);
    memcpy(out, info.country.len == COUNTRY_SIZE ? info.country.at : NO_COUNTRY, COUNTRY_SIZE);
    ct_arena_free(arena);
    return result;
}

static void add_piece(struct describing *describing, struct ct_pool_piece piece)
{
    ct_buf_add(&describing->pieces, &piece, sizeof(piece));
}

/* Finds out the country of one piece. It is halved, between two thousands, until both ends agree: some
 * twenty questions for each place where the country changes. */
static enum ct_result describe_piece(struct describing *describing, struct ct_pool_piece piece)
{
    char last[COUNTRY_SIZE];
    for (;;) {
        struct ct_pool_piece lower = piece;
        enum ct_result result = country_of(describing->plan, piece.first, piece.country);
        if (result == CT_OK)
            result = country_of(describing->plan, piece.last, last);
        if (result != CT_OK)
            return result;
        bool agreed = memcmp(piece.country, last, COUNTRY_SIZE) == 0;
        int64_t first_block = ct_number_block(piece.first);
        int64_t last_block = ct_number_block(piece.last);
        if (!agreed)
            memset(piece.country, 0, COUNTRY_SIZE);
        if (agreed || first_block == last_block) {
            add_piece(describing, piece);
            return CT_OK;
        }
        int64_t middle = (first_block + (last_block - first_block + 1) / 2) * CT_BLOCK_SIZE;
        lower.last = middle - 1;
        piece.first = middle;
        result = describe_piece(describing, lower);
        if (result != CT_OK)
            return result;
    }
}

/* The pieces that lie in one block together are asked about once. */
static size_t same_block(const struct ct_pool_pieces *pieces, size_t from)
{
    int64_t block = ct_number_block(pieces->at[from].first);
    size_t end = from;
    while (end < pieces->count && ct_number_block(pieces->at[end].last) == block)
        end++;
    return end - from;
}

static enum ct_result describe_all(struct describing *describing,
                                   const struct ct_pool_pieces *pieces)
{
    enum ct_result result = CT_OK;
    for (size_t i = 0, together; result == CT_OK && i < pieces->count; i += together) {
        struct ct_pool_piece piece = pieces->at[i];
        char last[COUNTRY_SIZE];
        together = same_block(pieces, i);
        if (together <= 1) {
            together = 1;
            result = describe_piece(describing, piece);
            continue;
        }
        result = country_of(describing->plan, piece.first, piece.country);
        if (result == CT_OK)
            result = country_of(describing->plan, pieces->at[i + together - 1].last, last);
        if (result == CT_OK && memcmp(piece.country, last, COUNTRY_SIZE) != 0)
            memset(piece.country, 0, COUNTRY_SIZE);
        for (size_t k = 0; k < together; k++) {
            piece.first = pieces->at[i + k].first;
            piece.last = pieces->at[i + k].last;
            add_piece(describing, piece);
        }
    }
    return result;
}

enum ct_result ct_pool_pieces_describe(struct ct_plan *plan, struct ct_arena *arena,
                                       struct ct_pool_pieces *pieces)
{
    struct describing describing = {.plan = plan, .pieces = ct_buf_in(arena)};
    enum ct_result result = plan == NULL ? CT_UNAVAILABLE : describe_all(&describing, pieces);
    if (result == CT_UNAVAILABLE)
        return CT_OK;
    if (result != CT_OK)
        return result;
    size_t count = describing.pieces.len / sizeof(*pieces->at);
    struct ct_pool_piece *copy = ct_arena_alloc(arena, describing.pieces.len);
    if (describing.pieces.failed || copy == NULL)
        return CT_NOMEM;
    memcpy(copy, describing.pieces.at, describing.pieces.len);
    pieces->at = copy;
    pieces->count = count;
    memcpy(pieces->country, copy[0].country, COUNTRY_SIZE);
    for (size_t i = 1; i < count; i++) {
        if (memcmp(pieces->country, copy[i].country, COUNTRY_SIZE) != 0)
            memset(pieces->country, 0, COUNTRY_SIZE);
    }
    if (memcmp(pieces->country, NO_COUNTRY, COUNTRY_SIZE) == 0)
        memset(pieces->country, 0, COUNTRY_SIZE);
    return CT_OK;
}
