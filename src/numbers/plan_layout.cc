#include "numbers/plan_layout.hh"

#include <vector>

#include "numbers/plan_pattern.hh"

namespace plan
{

namespace
{

constexpr size_t MOST_GROUPS = 9;
constexpr size_t MOST_PARTS = 20;

/* A digit of the pattern with its count. */
struct Part {
    size_t group; /* from 1; 0: in none */
    Count count;
    bool any; /* of all ten digits */
};

struct Groups {
    size_t count;
    size_t begin[MOST_GROUPS + 1];
    size_t size[MOST_GROUPS + 1];
};

/* Patterns of digits and of groups of digits, one after the other. */
bool read_parts(const std::string &pattern, std::vector<Part> *out, size_t *groups)
{
    const char *at = pattern.data();
    const char *end = at + pattern.size();
    size_t group = 0;
    *groups = 0;
    while (at < end) {
        if (*at == '(' && group == 0 && *groups < MOST_GROUPS) {
            group = ++*groups;
            at++;
        } else if (*at == ')' && group != 0) {
            group = 0;
            at++;
            Count once;
            const char *behind = at;
            /* a group that may be repeated or missing */
            if (!read_count(&behind, end, &once) || behind != at)
                return false;
        } else {
            Part part = {group, {}, false};
            const uint16_t digits = read_digit(&at, end);
            if (digits == 0 || !read_count(&at, end, &part.count) || out->size() == MOST_PARTS)
                return false;
            part.any = digits == ANY_DIGIT;
            out->push_back(part);
        }
    }
    return group == 0;
}

/* In how many ways the parts from `first` can be so many digits; counted to 2. */
size_t count_ways(const std::vector<Part> &parts, size_t first, size_t digits)
{
    if (first == parts.size())
        return digits == 0 ? 1 : 0;
    size_t ways = 0;
    const Count &count = parts[first].count;
    for (size_t size = count.least; size <= count.most && size <= digits && ways < 2; size++)
        ways += count_ways(parts, first + 1, digits - size);
    return ways;
}

/* A part takes as many digits as the ones behind it leave: what a matcher tries first. It is what matches when each
 * part takes any digit. When one does not, it is known only if there is no other way. */
bool divide(const std::string &pattern, size_t digits, Groups *out)
{
    std::vector<Part> parts;
    if (!read_parts(pattern, &parts, &out->count))
        return false;
    bool any = true;
    size_t needed = 0;
    for (const Part &part : parts) {
        any = any && part.any;
        needed += part.count.least;
    }
    const size_t ways = count_ways(parts, 0, digits);
    if (ways == 0 || (ways > 1 && !any))
        return false;
    size_t at = 0;
    *out = {out->count, {}, {}};
    for (const Part &part : parts) {
        needed -= part.count.least;
        const size_t left = digits - at - needed;
        const size_t size = left < part.count.most ? left : part.count.most;
        if (out->size[part.group] == 0)
            out->begin[part.group] = at;
        out->size[part.group] += size;
        at += size;
    }
    return at == digits;
}

bool is_group(const std::string &text, size_t at)
{
    return at + 1 < text.size() && text[at] == '$' && text[at + 1] >= '0' && text[at + 1] <= '9';
}

/* The format with the rule in the place of its first group, whose $1 is that group. */
bool apply_rule(const std::string &format, const std::string &rule, std::string *out)
{
    size_t first = 0;
    while (first < format.size() && !is_group(format, first))
        first++;
    *out = format;
    if (rule.empty() || first == format.size())
        return true;
    std::string text;
    for (size_t i = 0; i < rule.size(); i++) {
        if (rule[i] == '\\')
            return false;
        if (rule[i] != '$') {
            text += rule[i];
            continue;
        }
        if (!is_group(rule, i) || rule[i + 1] != '1')
            return false;
        text.append(format, first, 2);
        i++;
    }
    out->replace(first, 2, text);
    return true;
}

bool put(Layout *out, size_t part)
{
    if (out->size == sizeof(out->parts))
        return false;
    out->parts[out->size++] = static_cast<uint8_t>(part);
    return true;
}

bool put_group(Layout *out, const Groups &groups, size_t group)
{
    if (group == 0 || group > groups.count)
        return false;
    for (size_t i = 0; i < groups.size[group]; i++) {
        if (!put(out, DIGIT_AT + groups.begin[group] + i))
            return false;
    }
    return true;
}

} // namespace

Layout plain_layout(size_t digits)
{
    Layout layout = {};
    for (size_t i = 0; i < digits; i++)
        (void)put(&layout, DIGIT_AT + i);
    return layout;
}

bool make_layout(const std::string &pattern, const std::string &format, const std::string &rule,
                 size_t digits, Layout *out)
{
    Groups groups;
    std::string text;
    if (!divide(pattern, digits, &groups) || !apply_rule(format, rule, &text))
        return false;
    *out = {};
    for (size_t i = 0; i < text.size(); i++) {
        const unsigned char c = static_cast<unsigned char>(text[i]);
        bool done = false;
        if (is_group(text, i))
            done = put_group(out, groups, static_cast<size_t>(text[++i] - '0'));
        else if (c < DIGIT_AT && c != '\\' && c != '$')
            done = put(out, c);
        if (!done)
            return false;
    }
    return out->size > 0;
}

} // namespace plan
