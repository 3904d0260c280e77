/* libphonenumber's rules: which region a number is of (GetRegionCodeForNumber), its type (GetNumberType) and how it is
 * written within its country (Format). They are applied once to all numbers of a calling code, whose digits lead
 * through an automaton that knows which of the regions' patterns match. */
#include "numbers/plan_table.hh"

#include <cstring>

namespace plan
{

namespace
{

/* The order in which types are asked for; fixed lines and mobiles come last, together. */
constexpr ct_plan_type SPECIAL[] = {
    CT_PLAN_PREMIUM_RATE,    CT_PLAN_TOLL_FREE, CT_PLAN_SHARED_COST, CT_PLAN_VOIP,
    CT_PLAN_PERSONAL_NUMBER, CT_PLAN_PAGER,     CT_PLAN_UAN,         CT_PLAN_VOICEMAIL};

constexpr size_t NO_PATTERN = SIZE_MAX;

/* Which of the patterns stand for a region, and for a format. */
struct RegionPatterns {
    size_t leading_digits;
    size_t general;
    size_t kinds[CT_PLAN_VOICEMAIL + 1];
};
struct FormatPatterns {
    size_t leading_digits;
    size_t whole;
};

bool matched(const std::vector<bool> &matches, size_t pattern)
{
    return pattern != NO_PATTERN && matches[pattern];
}

bool has_length(const Description &description, size_t digits)
{
    return !description.has_lengths || (description.lengths >> digits & 1) != 0;
}

} // namespace

class Judging
{
  public:
    Judging(const std::vector<Region> &all, Table *to) : regions(all), table(to)
    {
    }

    bool build(size_t longest)
    {
        if (regions.empty() || !add_patterns())
            return false;
        const Judge judge = [this](size_t digits, const std::vector<bool> &matches) {
            return verdict(digits, matches);
        };
        return build_automaton(patterns, longest, judge, &table->automaton);
    }

  private:
    const std::vector<Region> &regions;
    Table *const table;
    Patterns patterns;
    std::vector<RegionPatterns> of_regions;
    std::vector<FormatPatterns> of_formats;

    bool add(bool exists, const std::string &pattern, bool begins, size_t *out)
    {
        *out = NO_PATTERN;
        return !exists || patterns.add(pattern, begins, out);
    }

    bool add(const Description &description, size_t *out)
    {
        return add(!description.pattern.empty(), description.pattern, false, out);
    }

    bool add_patterns()
    {
        for (const Region &region : regions) {
            RegionPatterns of = {};
            if (!add(region.has_leading_digits, region.leading_digits, true, &of.leading_digits) ||
                !add(region.general, &of.general))
                return false;
            for (size_t kind = 0; kind <= CT_PLAN_VOICEMAIL; kind++) {
                if (!add(region.kinds[kind], &of.kinds[kind]))
                    return false;
            }
            of_regions.push_back(of);
        }
        for (const Format &format : regions[0].formats) {
            FormatPatterns of = {};
            if (!add(format.has_leading_digits, format.leading_digits, true, &of.leading_digits) ||
                !add(true, format.pattern, false, &of.whole))
                return false;
            of_formats.push_back(of);
        }
        return true;
    }

    ct_plan_type type_in(size_t at, size_t digits, const std::vector<bool> &matches) const
    {
        const Region &region = regions[at];
        const RegionPatterns &of = of_regions[at];
        const auto is = [&](ct_plan_type kind) {
            return has_length(region.kinds[kind], digits) && matched(matches, of.kinds[kind]);
        };
        if (!has_length(region.general, digits) || !matched(matches, of.general))
            return CT_PLAN_UNKNOWN;
        for (ct_plan_type kind : SPECIAL) {
            if (is(kind))
                return kind;
        }
        if (is(CT_PLAN_FIXED_LINE)) {
            const bool both = region.fixed_line_is_mobile || is(CT_PLAN_MOBILE);
            return both ? CT_PLAN_FIXED_LINE_OR_MOBILE : CT_PLAN_FIXED_LINE;
        }
        return !region.fixed_line_is_mobile && is(CT_PLAN_MOBILE) ? CT_PLAN_MOBILE
                                                                  : CT_PLAN_UNKNOWN;
    }

    /* The place of the region, or their number when it is of none. */
    size_t region_of(size_t digits, const std::vector<bool> &matches) const
    {
        if (regions.size() == 1)
            return 0;
        size_t at = 0;
        for (; at < regions.size(); at++) {
            if (regions[at].has_leading_digits ? matched(matches, of_regions[at].leading_digits)
                                               : type_in(at, digits, matches) != CT_PLAN_UNKNOWN)
                break;
        }
        return at;
    }

    /* By the formats of the main country. */
    bool layout_of(size_t digits, const std::vector<bool> &matches, Layout *out) const
    {
        for (size_t i = 0; i < of_formats.size(); i++) {
            const Format &format = regions[0].formats[i];
            if (format.has_leading_digits && !matched(matches, of_formats[i].leading_digits))
                continue;
            if (matched(matches, of_formats[i].whole))
                return make_layout(format.pattern, format.format, format.rule, digits, out);
        }
        *out = plain_layout(digits);
        return true;
    }

    uint16_t verdict(size_t digits, const std::vector<bool> &matches)
    {
        Table::Verdict made = {};
        const size_t region = region_of(digits, matches);
        if (region < regions.size()) {
            /* "001" is no country */
            if (regions[region].id.size() == sizeof(made.country))
                std::memcpy(made.country, regions[region].id.data(), sizeof(made.country));
            made.type = static_cast<uint8_t>(type_in(region, digits, matches));
        }
        if (!layout_of(digits, matches, &made.layout)) {
            made = {};
            made.type = Table::ASK;
        }
        std::vector<Table::Verdict> &all = table->verdicts;
        size_t at = 0;
        /* all of it is bytes, none of them left out */
        while (at < all.size() && std::memcmp(&all[at], &made, sizeof(made)) != 0)
            at++;
        if (at == all.size())
            all.push_back(made);
        return static_cast<uint16_t>(at);
    }
};

Table::Table(const std::vector<Region> &regions, size_t longest)
    : most_digits(longest), automaton({{}, 0})
{
    static_assert(sizeof(Verdict) == sizeof(Verdict::country) + 1 + sizeof(Layout), "no padding");
    static_assert(sizeof(Layout::parts) <= sizeof(ct_plan_answer::format), "a layout fits");
    if (!Judging(regions, this).build(longest))
        most_digits = 0;
    verdicts.shrink_to_fit();
}

bool Table::describe(const char *digits, size_t count, ct_plan_answer *out) const
{
    if (count == 0 || count > most_digits)
        return false;
    const Node *node = &automaton.nodes[automaton.first];
    for (size_t i = 0; i < count; i++)
        node = &automaton.nodes[node->next[digits[i] - '0']];
    const Verdict &verdict = verdicts[node->verdict];
    if (verdict.type == ASK)
        return false;
    std::memcpy(out->country, verdict.country, sizeof(out->country));
    out->type = verdict.type;
    out->format_size = verdict.layout.size;
    for (size_t i = 0; i < verdict.layout.size; i++) {
        const uint8_t part = verdict.layout.parts[i];
        out->format[i] = part < DIGIT_AT ? static_cast<char>(part) : digits[part - DIGIT_AT];
    }
    return true;
}

size_t Table::bytes() const
{
    return sizeof(*this) + automaton.nodes.capacity() * sizeof(Node) +
           verdicts.capacity() * sizeof(Verdict);
}

} // namespace plan
