#include "sip/framing.h"

#include <stdlib.h>
#include <string.h>

#define PONG CT_STR("\r\n")
#define ROOM_AT_FIRST ((size_t)2048)

/* What a step made of the bytes at the front. */
enum step { TAKEN, MORE, END, NO_MEMORY };

struct turn {
    struct ct_framing *framing;
    const struct ct_framing_user *user;
    void *ctx;
    bool whole;
};

void ct_framing_init(struct ct_framing *framing, size_t max, bool websocket)
{
    *framing = (struct ct_framing){.websocket = websocket, .max = max};
}

void ct_framing_free(struct ct_framing *framing)
{
    free(framing->in);
    free(framing->pieces);
}

static bool append(char **text, size_t *size, size_t *room, const char *bytes, size_t more)
{
    if (*room - *size < more) {
        size_t wanted = *room == 0 ? ROOM_AT_FIRST : *room;
        while (wanted - *size < more)
            wanted *= 2;
        char *larger = realloc(*text, wanted);
        if (larger == NULL)
            return false;
        *text = larger;
        *room = wanted;
    }
    memcpy(*text + *size, bytes, more);
    *size += more;
    return true;
}

static enum step step_sip(struct turn *turn, struct ct_str bytes, size_t *used)
{
    enum ct_sip_frame frame = ct_sip_frame(&turn->framing->framer, bytes, turn->framing->max, used);
    switch (frame) {
    case CT_SIP_FRAME_MORE:
        *used = 0;
        return MORE;
    case CT_SIP_FRAME_PING:
        turn->user->send(turn->ctx, NULL, 0, PONG);
        return TAKEN;
    case CT_SIP_FRAME_BLANK:
        return TAKEN;
    case CT_SIP_FRAME_MESSAGE:
        turn->whole = true;
        return turn->user->message(turn->ctx, (struct ct_str){bytes.at, *used}) ? TAKEN : END;
    case CT_SIP_FRAME_TOO_LONG:
    case CT_SIP_FRAME_BAD:
    default:
        *used = bytes.len;
        (void)turn->user->message(turn->ctx, bytes);
        return END;
    }
}

static enum step step_handshake(struct turn *turn, struct ct_str bytes, size_t *used)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return NO_MEMORY;
    struct ct_buf reply = ct_buf_in(arena);
    enum ct_result result = ct_websocket_handshake(bytes, used, &reply);
    enum step step = result == CT_ROW ? MORE : result == CT_OK ? TAKEN : END;
    if (reply.failed)
        step = NO_MEMORY;
    else if (result != CT_ROW)
        turn->user->send(turn->ctx, NULL, 0, ct_buf_done(&reply));
    if (step == TAKEN)
        turn->framing->shaken = turn->whole = true;
    ct_arena_free(arena);
    return step;
}

static void send_frame(struct turn *turn, enum ct_websocket_opcode opcode, struct ct_str payload)
{
    uint8_t head[CT_WEBSOCKET_HEAD_ROOM];
    size_t size = ct_websocket_head(opcode, payload.len, head);
    turn->user->send(turn->ctx, head, size, payload);
}

static void send_close(struct turn *turn, uint16_t why)
{
    const char code[2] = {(char)(why >> 8), (char)(why & 255)};
    send_frame(turn, CT_WEBSOCKET_CLOSE, (struct ct_str){code, sizeof(code)});
}

/* A message, or a keep-alive in its place. */
static enum step deliver(struct turn *turn, struct ct_str bytes)
{
    turn->whole = true;
    if (ct_str_equal(bytes, CT_STR("\r\n\r\n"))) {
        send_frame(turn, CT_WEBSOCKET_TEXT, PONG);
        return TAKEN;
    }
    if (ct_sip_trim(bytes).len == 0)
        return TAKEN;
    return turn->user->message(turn->ctx, bytes) ? TAKEN : END;
}

static enum step take_data(struct turn *turn, const struct ct_websocket_frame *frame)
{
    struct ct_framing *framing = turn->framing;
    if (frame->final && framing->pieces_size == 0)
        return deliver(turn, frame->payload);
    if (framing->pieces_size + frame->payload.len > framing->max) {
        send_close(turn, CT_WEBSOCKET_TOO_BIG);
        return END;
    }
    if (frame->payload.len > 0 &&
        !append(&framing->pieces, &framing->pieces_size, &framing->pieces_room, frame->payload.at,
                frame->payload.len))
        return NO_MEMORY;
    if (!frame->final)
        return TAKEN;
    enum step step = deliver(turn, (struct ct_str){framing->pieces, framing->pieces_size});
    framing->pieces_size = 0;
    return step;
}

static enum step step_websocket(struct turn *turn, char *bytes, size_t size, size_t *used)
{
    struct ct_websocket_frame frame;
    uint16_t why;
    enum ct_result result = ct_websocket_read(&turn->framing->state, bytes, size,
                                              turn->framing->max, used, &frame, &why);
    if (result == CT_ROW)
        return MORE;
    if (result != CT_OK) {
        send_close(turn, why);
        return END;
    }
    switch (frame.opcode) {
    case CT_WEBSOCKET_PING:
        send_frame(turn, CT_WEBSOCKET_PONG, frame.payload);
        return TAKEN;
    case CT_WEBSOCKET_PONG:
        return TAKEN;
    case CT_WEBSOCKET_CLOSE:
        send_frame(turn, CT_WEBSOCKET_CLOSE,
                   (struct ct_str){frame.payload.at, frame.payload.len < 2 ? 0 : 2});
        return END;
    case CT_WEBSOCKET_CONTINUATION:
    case CT_WEBSOCKET_TEXT:
    case CT_WEBSOCKET_BINARY:
    default:
        return take_data(turn, &frame);
    }
}

static enum step take_step(struct turn *turn, char *bytes, size_t size, size_t *used)
{
    *used = 0;
    if (!turn->framing->websocket)
        return step_sip(turn, (struct ct_str){bytes, size}, used);
    if (!turn->framing->shaken)
        return step_handshake(turn, (struct ct_str){bytes, size}, used);
    return step_websocket(turn, bytes, size, used);
}

enum ct_result ct_framing_read(struct ct_framing *framing, char *bytes, size_t size,
                               const struct ct_framing_user *user, void *ctx, bool *whole)
{
    struct turn turn = {.framing = framing, .user = user, .ctx = ctx};
    bool kept = framing->in_size > 0;
    enum step step = TAKEN;
    size_t at = 0;
    if (kept) {
        if (!append(&framing->in, &framing->in_size, &framing->in_room, bytes, size))
            return CT_NOMEM;
        bytes = framing->in;
        size = framing->in_size;
    }
    while (step == TAKEN && at < size) {
        size_t used;
        step = take_step(&turn, bytes + at, size - at, &used);
        at += used;
    }
    *whole = turn.whole;
    if (step == END)
        return CT_INVALID;
    if (step == NO_MEMORY)
        return CT_NOMEM;
    if (kept) {
        memmove(framing->in, framing->in + at, size - at);
        framing->in_size = size - at;
    } else if (at < size &&
               !append(&framing->in, &framing->in_size, &framing->in_room, bytes + at, size - at)) {
        return CT_NOMEM;
    }
    if (framing->in_size == 0 && framing->in_room > ROOM_AT_FIRST) {
        free(framing->in); /* most connections are silent for most of their time */
        framing->in = NULL;
        framing->in_room = 0;
    }
    return CT_OK;
}

bool ct_framing_waits(const struct ct_framing *framing)
{
    return framing->in_size > 0 || framing->state.within ||
           (framing->websocket && !framing->shaken);
}

size_t ct_framing_head(const struct ct_framing *framing, struct ct_str message,
                       uint8_t out[CT_WEBSOCKET_HEAD_ROOM])
{
    if (!framing->websocket)
        return 0;
    /* A browser ends a connection on which text comes that is no UTF-8. */
    return ct_websocket_head(ct_utf8_valid(message) ? CT_WEBSOCKET_TEXT : CT_WEBSOCKET_BINARY,
                             message.len, out);
}
