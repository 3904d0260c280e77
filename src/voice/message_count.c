#include "voice/message_count.h"

#include <string.h>

void ct_message_count(struct ct_metrics *metrics, bool sent, struct ct_str bytes)
{
    static const struct {
        struct ct_str begins;
        enum ct_metric row;
    } methods[] = {{{"INVITE ", 7}, CT_METRIC_SIP_INVITE},
                   {{"REGISTER ", 9}, CT_METRIC_SIP_REGISTER},
                   {{"OPTIONS ", 8}, CT_METRIC_SIP_OPTIONS},
                   {{"BYE ", 4}, CT_METRIC_SIP_BYE}};
    static const enum ct_metric classes[] = {CT_METRIC_SIP_1XX, CT_METRIC_SIP_2XX,
                                             CT_METRIC_SIP_3XX, CT_METRIC_SIP_4XX,
                                             CT_METRIC_SIP_5XX, CT_METRIC_SIP_6XX};
    bool response = bytes.len > 8 && memcmp(bytes.at, "SIP/2.0 ", 8) == 0;
    enum ct_metric row = CT_METRIC_SIP_OTHER;
    if (response != sent)
        return;
    if (response) {
        size_t class = (size_t)(bytes.at[8] - '1');
        row = classes[class < 6 ? class : 0];
    }
    for (size_t i = 0; !response && i < sizeof(methods) / sizeof(methods[0]); i++)
        if (bytes.len > methods[i].begins.len &&
            memcmp(bytes.at, methods[i].begins.at, methods[i].begins.len) == 0)
            row = methods[i].row;
    ct_metrics_add(metrics, row, 1);
}
