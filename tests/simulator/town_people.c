#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/town.h"

/* Who lives in the simulated world, and what becomes of them at the server's door. */

#define EVERYBODY (TOWN_PHONES + TOWN_CARRIERS)

struct ua *town_somebody(struct town *town)
{
    return &town->uas[town_below(town, EVERYBODY)];
}

const char *town_number(struct town *town, const struct ua *ua, bool transfers)
{
    people_number(town->lan, ua->device_id, transfers, town->number);
    return town->number;
}

static const char *whom_to_transfer_to(void *ctx, const struct ua *ua)
{
    return town_number(ctx, ua, true);
}

static void settle_phone(struct town *town, unsigned i)
{
    struct ua *ua = &town->uas[i];
    char user[8];
    char address[20];

    snprintf(user, sizeof(user), "%u", 1001 + i);
    snprintf(address, sizeof(address), "192.0.2.%u", 11 + i);
    ua_init(ua, &town->people, 1 + i, user, address,
            town_chance(town, 65)   ? CT_SIP_UDP
            : town_chance(town, 60) ? CT_SIP_TCP
                                    : CT_SIP_WS);
    people_own_number(ua->device_id, ua->number);
    snprintf(ua->username, sizeof(ua->username), "d%s-phone", user);
    snprintf(ua->password, sizeof(ua->password), "%s", PEOPLE_PASSWORD);
}

static void settle_carrier(struct town *town, unsigned i)
{
    struct ua *ua = &town->uas[TOWN_PHONES + i];
    char user[8];

    snprintf(user, sizeof(user), "%u", 2001 + i);
    ua_init(ua, &town->people, 0, user, i == 0 ? TOWN_FIRST_CARRIER : TOWN_SECOND_CARRIER,
            CT_SIP_UDP);
    snprintf(ua->number, sizeof(ua->number), "+4420%u", 2001 + i);
    /* the second one knows its customer, and is known */
    if (i == 1) {
        ua->customer = PEOPLE_TRUNK_NAME;
        ua->customer_password = PEOPLE_TRUNK_PASSWORD;
        snprintf(ua->username, sizeof(ua->username), "%s", PEOPLE_INBOUND_NAME);
        snprintf(ua->password, sizeof(ua->password), "%s", PEOPLE_INBOUND_PASSWORD);
    }
}

void town_settle(struct town *town)
{
    town->people = (struct ua_world){.lan = town->lan,
                                     .server = town->attackers.server,
                                     .diaries = town->diaries,
                                     .diary_room = TOWN_DIARIES,
                                     .somebody = whom_to_transfer_to,
                                     .ctx = town};
    for (unsigned i = 0; i < TOWN_PHONES; i++)
        settle_phone(town, i);
    for (unsigned i = 0; i < TOWN_CARRIERS; i++)
        settle_carrier(town, i);
    for (unsigned i = 0; i < EVERYBODY; i++)
        town->uas[i].prack = town_chance(town, 40);
}

static int index_of(const struct town *town, const struct ct_sip_socket *socket)
{
    const char *address = lan_address(town->lan, socket);

    for (int i = 0; i < EVERYBODY; i++)
        if (strcmp(town->uas[i].address, address) == 0)
            return i;
    return -1;
}

/* ---- where they are registered ---- */

static bool has_binding(const struct people_list *list, int64_t device_id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->all[i].device_id == device_id)
            return true;
    return false;
}

void town_judge_bindings(struct town *town)
{
    struct people_list list;
    char text[256];

    people_look(town->exchange.registrar, &list);
    for (size_t i = 0; i < TOWN_PHONES; i++) {
        const struct ua *ua = &town->uas[i];

        if (!ua->registered || ua->register_spoilt ||
            ua->registered_until_ms <= lan_now_ms(town->lan) || has_binding(&list, ua->device_id))
            continue;
        snprintf(text, sizeof(text), "%s is registered, and has no binding", ua->user);
        town_complain(town, text);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct people_binding *binding = &list.all[i];

        snprintf(text, sizeof(text), "device %lld has the binding %.190s",
                 (long long)binding->device_id, binding->contact);
        if (strstr(binding->contact, "198.51.100.") != NULL)
            strncat(text, " of an attacker", sizeof(text) - strlen(text) - 1);
        else if (binding->transport == CT_SIP_WS &&
                 !lan_stream_is_open(town->lan, binding->connection))
            strncat(text, " over a stream that is gone", sizeof(text) - strlen(text) - 1);
        else
            continue;
        town_complain(town, text);
    }
}

/* ---- at the door ---- */

void town_dropped(void *ctx, const struct ct_sip_hop *from, const struct ct_sip_message *message)
{
    struct town *town = ctx;
    int i = index_of(town, &from->peer);
    struct said said;
    char text[200];

    if (i < 0)
        return;
    if (message == NULL) {
        snprintf(text, sizeof(text), "%s is banned, or slowed down", town->uas[i].user);
        town_complain(town, text);
        return;
    }
    if (!said_read(message->bytes, &said) || strncmp(said.call_id, "att-", 4) == 0)
        return;
    border_dropped(&town->border, &said);
    if (town->damaged[i] > 0 || town->uas[i].username[0] == '\0' ||
        !ct_str_equal(message->from.uri.user, ct_str_of(town->uas[i].username)))
        return;
    snprintf(text, sizeof(text), "%s says its name, and is not heard: %s", town->uas[i].user,
             said.method);
    town_complain(town, text);
}

void town_failed(void *ctx, const struct ct_sip_hop *from, bool banned)
{
    struct town *town = ctx;
    struct attacker *attacker = attackers_at(&town->attackers, &from->peer);
    int i = index_of(town, &from->peer);
    char text[100];

    if (attacker != NULL)
        attackers_failed(attacker, banned, town->exchange.config.sip_ban_minutes * 60000);
    if (i < 0 || ++town->failures[i] <= town->damaged[i])
        return;
    snprintf(text, sizeof(text), "%s cannot say who it is", town->uas[i].user);
    town_complain(town, text);
}

void town_reached(void *ctx, const struct lan_packet *packet, const struct said *said)
{
    struct town *town = ctx;
    int i = index_of(town, &packet->from);

    if (i >= 0 && i < TOWN_PHONES && town->uas[i].transport == CT_SIP_UDP)
        attackers_hear(&town->attackers, town->uas[i].address, said);
}

void town_passes(struct town *town, const struct lan_packet *packet, const struct lan_fate *fate)
{
    struct attacker *attacker = attackers_at(&town->attackers, &packet->to);
    int i = index_of(town, &packet->from);
    struct said said;

    if (attacker != NULL && said_read(packet->bytes, &said))
        attackers_see(attacker, &said);
    for (int k = 0; k < fate->copies && i >= 0; k++)
        town->damaged[i] += fate->spoilt[k] > 0;
}
