#include "http/transport.h"

#include <sys/types.h>

#include "http/stream.h"
#include "http/tally.h"

/* What is read of a stream at a time. */
#define STREAM_BLOCK 2048

static void suspend_stream(void *connection)
{
    MHD_suspend_connection(connection);
}

static void resume_stream(void *connection)
{
    MHD_resume_connection(connection);
}

static ssize_t read_stream(void *cls, uint64_t position, char *out, size_t size)
{
    (void)position;
    size_t count = ct_stream_read(cls, out, size);
    return count == CT_STREAM_END ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)count;
}

struct MHD_Response *ct_transport_begin_stream(struct ct_exchange *exchange)
{
    struct ct_transport *transport = exchange->transport;
    struct ct_server *server = transport->server;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(transport->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct ct_stream_link link = {.ctx = transport->connection,
                                        .suspend = suspend_stream,
                                        .resume = resume_stream,
                                        .fd = info == NULL ? -1 : info->connect_fd};
    transport->stream = ct_stream_open(&server->streams, exchange->arena, exchange->source, &link);
    if (transport->stream == NULL)
        return NULL;
    ct_tally_request(exchange, exchange->reply.status);
    transport->told = true;
    transport->running = false;
    atomic_fetch_sub(&server->running, 1);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream,
                                             transport->stream, NULL);
}
