#include "base/result.h"

const char *ct_result_text(enum ct_result result)
{
    switch (result) {
#define X(name, sentence) \
    case name:            \
        return sentence;
        CT_RESULTS(X)
#undef X
    }
    return "an unknown result";
}
