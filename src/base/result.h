#ifndef CT_BASE_RESULT_H
#define CT_BASE_RESULT_H

/**
 * What a function that can fail answers. One list for the whole program; only http/ turns a value
 * into a status code, and only a log or a command line prints the sentence.
 */
#define CT_RESULTS(X)                                                            \
    X(CT_OK, "done")                                                             \
    X(CT_ROW, "a row is ready to be read")                                       \
    X(CT_NOMEM, "out of memory")                                                 \
    X(CT_IO, "the operating system reported an error")                           \
    X(CT_INVALID, "the input does not have the required form")                   \
    X(CT_NOT_FOUND, "there is no such thing")                                    \
    X(CT_CONFLICT, "it exists already")                                          \
    X(CT_DENIED, "the credentials were not accepted")                            \
    X(CT_FORBIDDEN, "this is not allowed")                                       \
    X(CT_STALE, "it has changed since it was read")                              \
    X(CT_LIMITED, "too many attempts")                                           \
    X(CT_BUSY, "too much is queued already")                                     \
    X(CT_UNAVAILABLE, "storage cannot take this now")                            \
    X(CT_TOO_NEW, "the database was written by a newer version of this program") \
    X(CT_BUG, "a defect in this program")

enum ct_result {
#define X(name, sentence) name,
    CT_RESULTS(X)
#undef X
};

/** A result that must not be dropped. */
#define CT_CHECKED __attribute__((warn_unused_result))

/** The sentence for a result: static text, never NULL. */
const char *ct_result_text(enum ct_result result);

#endif
