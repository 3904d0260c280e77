#include "ops/rules.h"

/* The names and places of migrations.c; the same text for every engine. */

/* A row of a number as findings show it. */
#define NUMBER "COALESCE(phone_number, 'the number with id ' || CAST(id AS VARCHAR))"

/* A number in its plain form (numbers/e164.h). */
#define IS_PLAIN                                                         \
    "(phone_number LIKE '+%' AND length(phone_number) BETWEEN 3 AND 16 " \
    "AND trim(substr(phone_number, 2), '0123456789') = '')"

/* Every number that has a row, as the integer that pools know it by. */
#define TAKEN                                                                                     \
    "(SELECT CASE WHEN " IS_PLAIN " THEN CAST(substr(phone_number, 2) AS BIGINT) END AS number, " \
    "status, status_until FROM virtual_phone_numbers)"

/* The range that a number of TAKEN as n is in, if any. */
#define RANGE_OF_N                                                                           \
    "JOIN pool_ranges AS r ON r.first = (SELECT max(first) FROM pool_ranges WHERE first <= " \
    "n.number) "                                                                             \
    "AND r.last >= n.number"

/* A pool that is not being deleted, which is done row by row. */
#define STAYS(pool_id)                                                       \
    "NOT EXISTS (SELECT 1 FROM number_pools AS gone JOIN pool_imports AS i " \
    "ON i.id = gone.import_id WHERE gone.id = " pool_id " AND i.touched_at = 0)"

/* How many numbers a block of bits has: hexadecimal digits by the ones in them. */
#define DIGITS(digit) "(length(bits) - length(replace(bits, '" digit "', '')))"
#define ONES                                                                                                                                       \
    "(" DIGITS("1") " + " DIGITS("2") " + " DIGITS("4") " + " DIGITS("8") " + 2 * (" DIGITS("3") " + " DIGITS("5") " + " DIGITS("6") " + " DIGITS( \
        "9") " + " DIGITS("a") " + " DIGITS("c") ") + 3 * (" DIGITS("7") " + " DIGITS("b") " +"                                                    \
                                                                                           " " DIGITS("d") " + " DIGITS(                           \
                                                                                               "e") ") + 4 * " DIGITS("f") ")"

/* Whether the bit of n.number is set in b.bits: four numbers to a digit, the first in its lowest bit. */
#define DIGIT_OF_N "substr(b.bits, CAST(n.number % 1000 / 4 + 1 AS INTEGER), 1)"
#define IS_FREE_IN_B                                                          \
    "(CASE WHEN b.bits IS NULL THEN b.free = 1000 ELSE CASE n.number % 4 "    \
    "WHEN 0 THEN " DIGIT_OF_N " IN ('1', '3', '5', '7', '9', 'b', 'd', 'f') " \
    "WHEN 1 THEN " DIGIT_OF_N " IN ('2', '3', '6', '7', 'a', 'b', 'e', 'f') " \
    "WHEN 2 THEN " DIGIT_OF_N " IN ('4', '5', '6', '7', 'c', 'd', 'e', 'f') " \
    "ELSE " DIGIT_OF_N " IN ('8', '9', 'a', 'b', 'c', 'd', 'e', 'f') END END)"

/* The highest id that a table has given. */
#define LAST_ID(table)                                                                   \
    "(SELECT max(last_id) FROM (SELECT last_id FROM last_ids WHERE table_name = '" table \
    "' UNION ALL SELECT COALESCE(max(id), 0) FROM " table ") AS ids)"
#define HAS_LAST_ID(table)                                                                   \
    "SELECT '" table "' WHERE NOT EXISTS (SELECT 1 FROM last_ids WHERE table_name = '" table \
    "' AND last_id >= 0)"
#define RECORDS_GIVEN_IDS(actions, table)                                          \
    "SELECT 'record ' || CAST(id AS VARCHAR) || ' (' || action || ')' FROM audit " \
    "WHERE action LIKE '" actions "' AND target_id > " LAST_ID(table)

const struct ct_rule ct_rules[] = {
    {2, "a number that this program wrote is in its plain form",
     "SELECT " NUMBER " FROM virtual_phone_numbers WHERE created_at IS NOT NULL "
     "AND (phone_number IS NULL OR NOT " IS_PLAIN ")"},
    {3, "an id that was given is remembered, so that it is never given again",
     HAS_LAST_ID("users") " UNION ALL " HAS_LAST_ID("virtual_phone_numbers")},
    {4, "an id that was given is remembered, so that it is never given again",
     HAS_LAST_ID("api_keys")},
    {4, "the audit record is of accounts whose ids were given",
     "SELECT 'record ' || CAST(id AS VARCHAR) FROM audit WHERE user_id > " LAST_ID("users")},
    {4, "the audit record is of numbers whose ids were given",
     RECORDS_GIVEN_IDS("number.%", "virtual_phone_numbers")},
    {4, "the audit record is of keys whose ids were given",
     RECORDS_GIVEN_IDS("api_key.%", "api_keys")},
    {4, "an account has the role of administrator or none",
     "SELECT 'account ' || CAST(id AS VARCHAR) FROM users WHERE role IS NOT NULL "
     "AND role <> 'admin'"},
    {4, "an account has logged out everywhere some number of times",
     "SELECT 'account ' || CAST(id AS VARCHAR) FROM users WHERE token_epoch < 0"},
    {5, "an answer that is kept has a status of HTTP",
     "SELECT 'an answer of account ' || CAST(owner AS VARCHAR) FROM idempotency_keys "
     "WHERE status NOT BETWEEN 200 AND 599"},
    {6, "a number that is assigned has an owner",
     "SELECT " NUMBER " FROM virtual_phone_numbers WHERE status IS NULL AND user_id IS NULL"},
    {6, "a number has what its state needs, and nothing else",
     "SELECT " NUMBER
     " || ', ' || COALESCE(status, 'assigned') FROM virtual_phone_numbers WHERE NOT "
     "CASE WHEN status IS NULL THEN "
     "status_until IS NULL AND last_owner_id IS NULL AND transfer_to IS NULL "
     "WHEN status = 'transferring' THEN user_id IS NOT NULL AND status_until IS NOT NULL "
     "AND last_owner_id IS NULL AND transfer_to IS NOT NULL AND transfer_to <> user_id "
     "WHEN status = 'quarantined' THEN user_id IS NULL AND status_until IS NOT NULL "
     "AND last_owner_id IS NOT NULL AND transfer_to IS NULL "
     "WHEN status = 'reserved' THEN user_id IS NULL AND status_until IS NULL "
     "AND last_owner_id IS NULL AND transfer_to IS NULL ELSE FALSE END"},
    {6, "a number has changed some number of times",
     "SELECT " NUMBER " FROM virtual_phone_numbers WHERE version < 0"},
    {7, "an id that was given is remembered, so that it is never given again",
     HAS_LAST_ID("number_pools")},
    {7, "the audit record is of pools whose ids were given",
     RECORDS_GIVEN_IDS("pool.%", "number_pools")},
    {7, "an account claims some number of numbers a day",
     "SELECT 'account ' || CAST(user_id AS VARCHAR) FROM number_claims WHERE claimed < 0"},
    {7, "a pool that is not complete is of an import",
     "SELECT name FROM number_pools AS p WHERE import_id IS NOT NULL "
     "AND NOT EXISTS (SELECT 1 FROM pool_imports AS i WHERE i.id = p.import_id)"},
    {7, "no two pools have the same number",
     "SELECT 'the range from +' || CAST(r.first AS VARCHAR) FROM pool_ranges AS r "
     "WHERE r.last < r.first "
     "OR EXISTS (SELECT 1 FROM pool_ranges AS o WHERE o.first > r.first AND o.first <= r.last)"},
    {7, "a pool has the numbers that it says it has",
     "SELECT p.name FROM number_pools AS p LEFT JOIN "
     "(SELECT pool_id, count(*) AS ranges, sum(last - first + 1) AS size, min(first) AS first, "
     "max(last) AS last FROM pool_ranges GROUP BY pool_id) AS r ON r.pool_id = p.id "
     "WHERE p.import_id IS NULL AND (r.pool_id IS NULL OR p.size <> r.size "
     "OR p.ranges <> r.ranges OR p.first <> r.first OR p.last <> r.last)"},
    {7, "a block of a pool counts its free numbers",
     "SELECT 'block ' || CAST(block AS VARCHAR) FROM pool_blocks "
     "WHERE CASE WHEN bits IS NULL THEN free NOT IN (0, 1000) "
     "ELSE length(bits) <> 250 OR free <> " ONES " END"},
    {7, "a number of a pool is free when nobody has it, and only then: each block has as many",
     "WITH RECURSIVE pieces (pool_id, block, first, last) AS ("
     "SELECT pool_id, first / 1000, first, last FROM pool_ranges WHERE " STAYS(
         "pool_id") " UNION ALL "
                    "SELECT pool_id, block + 1, (block + 1) * 1000, last FROM pieces WHERE block < "
                    "last / 1000), "
                    "held (pool_id, block, numbers) AS (SELECT pool_id, block, sum(1 - first + "
                    "CASE WHEN last / 1000 = block THEN last ELSE block * 1000 + 999 END) "
                    "FROM pieces GROUP BY pool_id, block), "
                    "had (pool_id, block, numbers) AS (SELECT r.pool_id, n.number / 1000, count(*) "
                    "FROM " TAKEN " AS n " RANGE_OF_N " GROUP BY r.pool_id, n.number / 1000) "
                    "SELECT 'block ' || CAST(held.block AS VARCHAR) || ' of pool ' || "
                    "CAST(held.pool_id AS VARCHAR) "
                    "FROM held LEFT JOIN had ON had.pool_id = held.pool_id AND had.block = "
                    "held.block "
                    "LEFT JOIN pool_blocks AS b ON b.pool_id = held.pool_id AND b.block = "
                    "held.block "
                    "WHERE b.free IS NULL OR b.free <> held.numbers - COALESCE(had.numbers, 0)"},
    {7, "a number of a pool that somebody has is not free there",
     "SELECT '+' || CAST(n.number AS VARCHAR) FROM " TAKEN " AS n " RANGE_OF_N " "
     "JOIN pool_blocks AS b ON b.pool_id = r.pool_id AND b.block = n.number / 1000 "
     "WHERE " STAYS("r.pool_id") " AND " IS_FREE_IN_B},
    {7, "a block of a pool has a number of that pool",
     "SELECT 'block ' || CAST(b.block AS VARCHAR) || ' of pool ' || CAST(b.pool_id AS VARCHAR) "
     "FROM pool_blocks AS b WHERE " STAYS(
         "b.pool_id") " "
                      "AND NOT EXISTS (SELECT 1 FROM pool_ranges AS r WHERE r.pool_id = b.pool_id "
                      "AND r.first = "
                      "(SELECT max(first) FROM pool_ranges AS o WHERE o.pool_id = b.pool_id "
                      "AND o.first <= b.block * 1000 + 999) AND r.last >= b.block * 1000)"},
    {7, "a quarantine that a pool knows is that of the number",
     "SELECT '+' || CAST(q.number AS VARCHAR) FROM pool_quarantine AS q WHERE " STAYS(
         "q.pool_id") " "
                      "AND (q.block <> q.number / 1000 OR NOT EXISTS (SELECT 1 FROM "
                      "virtual_phone_numbers AS n "
                      "WHERE n.phone_number = '+' || CAST(q.number AS VARCHAR) AND n.status = "
                      "'quarantined' "
                      "AND n.status_until = q.free_at))"},
    {7, "the quarantine of a number is known to its pool",
     "SELECT '+' || CAST(n.number AS VARCHAR) FROM " TAKEN " AS n " RANGE_OF_N " "
     "WHERE n.status = 'quarantined' AND " STAYS(
         "r.pool_id") " AND NOT EXISTS "
                      "(SELECT 1 FROM pool_quarantine AS q WHERE q.pool_id = r.pool_id AND "
                      "q.number = n.number)"},
    {7, "a block of a pool knows when the first of its quarantines ends",
     "SELECT 'block ' || CAST(b.block AS VARCHAR) || ' of pool ' || CAST(b.pool_id AS VARCHAR) "
     "FROM pool_blocks AS b WHERE " STAYS(
         "b.pool_id") " AND COALESCE(b.next_free_at, 0) <> "
                      "COALESCE((SELECT min(q.free_at) FROM pool_quarantine AS q WHERE q.pool_id = "
                      "b.pool_id "
                      "AND q.block = b.block), 0)"},
    {8, "an id that was given is remembered, so that it is never given again",
     HAS_LAST_ID("events") " UNION ALL " HAS_LAST_ID("webhooks") " UNION ALL " HAS_LAST_ID(
         "webhook_deliveries")},
    {8, "an event is of an account whose id was given",
     "SELECT 'event ' || CAST(id AS VARCHAR) FROM events WHERE user_id > " LAST_ID("users")},
    {8, "a webhook has seen events that there were",
     "SELECT 'webhook ' || CAST(id AS VARCHAR) FROM webhooks WHERE since_event_id > " LAST_ID(
         "events")},
    {8, "a delivery is of a webhook and an event whose ids were given",
     "SELECT 'delivery ' || CAST(id AS VARCHAR) FROM webhook_deliveries WHERE event_id > " LAST_ID(
         "events") " OR webhook_id > " LAST_ID("webhooks")},
    {8, "a delivery that is not over is due at some time, and no other is",
     "SELECT 'delivery ' || CAST(id AS VARCHAR) || ', ' || status FROM webhook_deliveries "
     "WHERE NOT CASE WHEN status IN ('pending', 'sending') THEN due_at IS NOT NULL "
     "WHEN status IN ('delivered', 'failed') THEN due_at IS NULL ELSE FALSE END"},
    {9, "an id that was given is remembered, so that it is never given again",
     HAS_LAST_ID("devices") " UNION ALL " HAS_LAST_ID("trunks")},
    {9, "the audit record is of devices whose ids were given",
     RECORDS_GIVEN_IDS("device.%", "devices")},
    {9, "the audit record is of trunks whose ids were given",
     RECORDS_GIVEN_IDS("trunk.%", "trunks")},
    {9, "a number that nobody has says nothing of what happens when it is called",
     "SELECT " NUMBER " FROM virtual_phone_numbers WHERE voice IS NOT NULL AND user_id IS NULL"},
    {9, "a device has digests of its password, and the database one realm that they are of",
     "SELECT 'device ' || CAST(id AS VARCHAR) FROM devices WHERE length(ha1_md5) <> 32 "
     "OR length(ha1_sha256) <> 64 OR (SELECT count(*) FROM sip_realm) <> 1"},
    {9, "what is known of a trunk is of one that there is",
     "SELECT 'trunk ' || CAST(trunk_id AS VARCHAR) FROM trunk_states WHERE NOT EXISTS "
     "(SELECT 1 FROM trunks WHERE trunks.id = trunk_states.trunk_id)"},
    {9, "an account has used trunks for some time",
     "SELECT 'account ' || CAST(user_id AS VARCHAR) FROM call_usage WHERE ms < 0"},
    {10, "an id that was given is remembered, so that it is never given again",
     HAS_LAST_ID("calls")},
    {10, "a call is over, or not, as its status says",
     "SELECT 'call ' || CAST(id AS VARCHAR) || ', ' || status FROM calls WHERE NOT "
     "CASE WHEN status IN ('queued', 'ringing', 'in-progress') THEN ended_at IS NULL "
     "WHEN status IN ('completed', 'busy', 'failed', 'no-answer', 'canceled', 'interrupted') "
     "THEN ended_at IS NOT NULL ELSE FALSE END"},
    {10, "a call that was answered has the time of that",
     "SELECT 'call ' || CAST(id AS VARCHAR) || ', ' || status FROM calls "
     "WHERE status IN ('in-progress', 'completed') AND answered_at IS NULL "
     "OR status IN ('queued', 'ringing', 'busy', 'no-answer', 'canceled') "
     "AND answered_at IS NOT NULL"},
    {10, "a call begins before it rings, is answered and ends",
     "SELECT 'call ' || CAST(id AS VARCHAR) FROM calls WHERE ringing_at < started_at "
     "OR answered_at < COALESCE(ringing_at, started_at) "
     "OR ended_at < COALESCE(answered_at, ringing_at, started_at)"},
    {10, "a call that is not over is of a process that is known",
     "SELECT 'call ' || CAST(id AS VARCHAR) FROM calls WHERE ended_at IS NULL "
     "AND NOT EXISTS (SELECT 1 FROM call_nodes WHERE call_nodes.node = calls.node)"},
    {10, "a message is of a call whose id was given",
     "SELECT 'message of call ' || CAST(call_id AS VARCHAR) FROM call_messages "
     "WHERE call_id > " LAST_ID("calls")},
};
const size_t ct_rule_count = sizeof(ct_rules) / sizeof(ct_rules[0]);
