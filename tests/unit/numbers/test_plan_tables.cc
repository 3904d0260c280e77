/* What the tables say of a number is what libphonenumber says of it. For every calling code numbers are made in all
 * the ways in which the two could differ, and each is asked of both:
 *
 *   unit_numbers_plan_tables [NUMBERS [SEED]]
 *
 * NUMBERS (50) are made in each of the ways that chance has a part in, for each calling code. */
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "failing_new.hh"
#include "numbers/plan_library.hh"
#include "numbers/plan_metadata.hh"
#include "numbers/plan_pattern.hh"
#include "numbers/plan_table.hh"
#include "numbers/plan_tables.hh"
#include "units.hh"

namespace
{

using plan::Description;
using plan::Format;
using plan::Region;
using plan::Table;

size_t numbers_each = 50;
unsigned long seed;

size_t longest_of(int code)
{
    return 15 - std::to_string(code).size();
}

/* All calling codes, each once. */
std::set<int> all_codes(const plan::Metadata &metadata)
{
    const std::vector<int> codes = metadata.calling_codes();
    return {codes.begin(), codes.end()};
}

class Numbers
{
  public:
    Numbers(const std::vector<Region> &of, size_t most, unsigned long start)
        : regions(of), longest(most), chance(start)
    {
    }

    /* Calls `use` with each, some of them several times. */
    void make(size_t count, const std::function<void(const std::string &)> &use)
    {
        for (size_t i = 0; i < count; i++) {
            use(digits(1 + below(longest)));
            use(std::string(1 + below(2), '0') + digits(below(longest - 1)));
        }
        for (const Region &region : regions) {
            by_lengths(region.general, count / 10, use);
            by_pattern(region.leading_digits, count / 10, use);
            by_pattern(region.general.pattern, count, use);
            for (const Description &kind : region.kinds) {
                by_lengths(kind, count / 20, use);
                by_pattern(kind.pattern, count / 2, use);
            }
            for (const Format &format : region.formats) {
                by_pattern(format.leading_digits, count / 5, use);
                by_pattern(format.pattern, count / 10, use);
            }
        }
    }

    /* Goes every way through a table once: to each node, on by each digit, and from there anywhere. */
    void make_by_ways(const Table &table, const std::function<void(const std::string &)> &use)
    {
        const plan::Automaton &ways = table.ways();
        std::vector<std::string> paths(ways.nodes.size());
        std::vector<uint16_t> reached = {ways.first};
        std::vector<bool> known(ways.nodes.size());
        known[ways.first] = true;
        for (size_t i = 0; i < reached.size(); i++) {
            const std::string path = paths[reached[i]];
            if (path.size() == longest)
                continue;
            for (size_t digit = 0; digit < 10; digit++) {
                const uint16_t next = ways.nodes[reached[i]].next[digit];
                const std::string further = path + static_cast<char>('0' + digit);
                use(further);
                if (further.size() < longest)
                    use(further + digits(1 + below(longest - further.size())));
                if (!known[next]) {
                    known[next] = true;
                    paths[next] = further;
                    reached.push_back(next);
                }
            }
        }
    }

  private:
    const std::vector<Region> &regions;
    const size_t longest;
    std::mt19937_64 chance;

    size_t below(size_t limit)
    {
        return static_cast<size_t>(chance() % limit);
    }

    std::string digits(size_t count)
    {
        std::string text;
        for (size_t i = 0; i < count; i++)
            text += static_cast<char>('0' + below(10));
        return text;
    }

    void by_lengths(const Description &description, size_t count,
                    const std::function<void(const std::string &)> &use)
    {
        for (size_t length = 1; length <= longest; length++) {
            for (size_t i = 0; i < count && (description.lengths >> length & 1) != 0; i++)
                use(digits(length));
        }
    }

    /* Something that the pattern matches; goes any way at each fork. */
    std::string match(const plan::Program &program)
    {
        std::string text;
        size_t step = 0;
        while (step < program.size() && text.size() < longest) {
            const plan::Step &here = program[step];
            if (here.kind == plan::Step::DIGIT) {
                size_t digit = below(10);
                while ((here.digits >> digit & 1) == 0)
                    digit = (digit + 1) % 10;
                text += static_cast<char>('0' + digit);
                step++;
            } else if (here.kind == plan::Step::FORK && below(2) == 0) {
                step++;
            } else {
                step = static_cast<size_t>(static_cast<ptrdiff_t>(step) + here.by);
            }
        }
        return text;
    }

    /* What the pattern matches, and what lies beside it. */
    void by_pattern(const std::string &pattern, size_t count,
                    const std::function<void(const std::string &)> &use)
    {
        plan::Program program;
        if (pattern.empty() || !plan::compile_pattern(pattern, &program))
            return;
        for (size_t i = 0; i < count; i++) {
            const std::string text = match(program);
            if (text.empty())
                continue;
            std::string other = text;
            other[below(other.size())] = static_cast<char>('0' + below(10));
            use(text);
            use(other);
            use(text.substr(0, std::max<size_t>(1, text.size() - 1)));
            if (text.size() < longest)
                use(text + digits(1 + below(longest - text.size())));
        }
    }
};

bool same(const ct_plan_answer &a, const ct_plan_answer &b)
{
    return a.calling_code == b.calling_code && std::memcmp(a.country, b.country, 2) == 0 &&
           a.type == b.type && a.format_size == b.format_size &&
           std::memcmp(a.format, b.format, a.format_size) == 0;
}

std::string shown(const ct_plan_answer &answer)
{
    return std::to_string(answer.calling_code) + " " +
           (answer.country[0] == '\0' ? "--" : std::string(answer.country, 2)) + " type " +
           std::to_string(answer.type) + " \"" + std::string(answer.format, answer.format_size) +
           "\"";
}

struct Tally {
    size_t asked = 0;
    size_t left = 0; /* to the library */
    size_t different = 0;
};

/* Asks a table and the library. */
void compare(const Table &table, int code, const std::string &digits, bool say, Tally *tally)
{
    ct_plan_answer ours = {};
    ct_plan_answer theirs;
    const std::string number = "+" + std::to_string(code) + digits;
    tally->asked++;
    ours.calling_code = static_cast<uint16_t>(code);
    if (!table.describe(digits.data(), digits.size(), &ours)) {
        tally->left++;
        return;
    }
    plan::ask_library(number.data(), number.size(), &theirs);
    if (same(ours, theirs))
        return;
    if (say && tally->different++ < 20)
        std::printf("%s: %s, and the library: %s\n", number.c_str(), shown(ours).c_str(),
                    shown(theirs).c_str());
    else if (!say)
        tally->different++;
}

bool test_against_the_library()
{
    const plan::Metadata metadata;
    const std::set<int> codes = all_codes(metadata);
    Tally all;
    size_t bytes = 0;
    EXPECT(codes.size() > 200);
    for (int code : codes) {
        Tally tally;
        const std::vector<Region> regions = metadata.regions(code);
        const Table table(regions, longest_of(code));
        Numbers numbers(regions, longest_of(code), seed + static_cast<unsigned long>(code));
        const auto use = [&](const std::string &digits) {
            compare(table, code, digits, true, &tally);
        };
        numbers.make(numbers_each, use);
        numbers.make_by_ways(table, use);
        bytes += table.bytes();
        if (std::getenv("CT_PLAN_SIZES") != nullptr || tally.left * 2 > tally.asked)
            std::printf("+%d: %zu states, %zu KB; %zu numbers, %zu left to the library\n", code,
                        table.ways().nodes.size(), table.bytes() / 1024, tally.asked, tally.left);
        all.asked += tally.asked;
        all.left += tally.left;
        all.different += tally.different;
    }
    std::printf("%zu numbers of %zu calling codes, %zu left to the library, %zu different; %zu KB "
                "of tables; seed %lu\n",
                all.asked, codes.size(), all.left, all.different, bytes / 1024, seed);
    /* a table that leaves all to the library would never differ */
    EXPECT(all.left * 50 < all.asked);
    EXPECT(all.different == 0);
    return true;
}

/* Changes in the metadata, each of which must be noticed. */
struct Change {
    const char *what;
    int code; /* whose numbers tell */
    void (*make)(std::vector<Region> *regions);
};

const Change changes[] = {
    {"another order of regions", 44,
     [](std::vector<Region> *regions) { std::reverse(regions->begin(), regions->end()); }},
    {"a region left out", 1, [](std::vector<Region> *regions) { regions->pop_back(); }},
    {"no leading digits of a region", 1,
     [](std::vector<Region> *regions) {
         for (Region &region : *regions)
             region.has_leading_digits = false;
     }},
    {"a digit less in the leading digits of a region", 39,
     [](std::vector<Region> *regions) { regions->back().leading_digits.pop_back(); }},
    {"two types for each other", 49,
     [](std::vector<Region> *regions) {
         std::swap(regions->front().kinds[CT_PLAN_TOLL_FREE],
                   regions->front().kinds[CT_PLAN_PREMIUM_RATE]);
     }},
    {"fixed lines that are mobiles", 33,
     [](std::vector<Region> *regions) { regions->front().fixed_line_is_mobile = true; }},
    {"no lengths", 33,
     [](std::vector<Region> *regions) {
         Region &region = regions->front();
         region.general = {"\\d*", false, 0};
         region.kinds[CT_PLAN_MOBILE] = {"[67]\\d*", false, 0};
     }},
    {"a length less", 49,
     [](std::vector<Region> *regions) {
         regions->front().kinds[CT_PLAN_FIXED_LINE].lengths &= ~(UINT32_C(1) << 8);
     }},
    {"no general description", 351,
     [](std::vector<Region> *regions) {
         regions->front().general = {"", false, 0};
     }},
    {"a digit more in a pattern", 34,
     [](std::vector<Region> *regions) {
         regions->front().kinds[CT_PLAN_MOBILE].pattern += "|9\\d{8}";
     }},
    {"another order of formats", 49,
     [](std::vector<Region> *regions) {
         std::reverse(regions->front().formats.begin(), regions->front().formats.end());
     }},
    {"no leading digits of formats", 81,
     [](std::vector<Region> *regions) {
         for (Format &format : regions->front().formats)
             format.has_leading_digits = false;
     }},
    {"no rules for the first group", 44,
     [](std::vector<Region> *regions) {
         for (Format &format : regions->front().formats)
             format.rule.clear();
     }},
    {"another hyphen", 1,
     [](std::vector<Region> *regions) {
         for (Format &format : regions->front().formats)
             std::replace(format.format.begin(), format.format.end(), '-', ' ');
     }},
};

/* The comparison can fail. */
bool test_that_differences_are_found()
{
    const plan::Metadata metadata;
    bool right = true;
    for (const Change &change : changes) {
        Tally tally;
        const std::vector<Region> regions = metadata.regions(change.code);
        std::vector<Region> changed = regions;
        change.make(&changed);
        const Table table(changed, longest_of(change.code));
        Numbers(regions, longest_of(change.code), seed).make(50, [&](const std::string &digits) {
            compare(table, change.code, digits, false, &tally);
        });
        if (tally.different == 0)
            std::printf(
                "%s in +%d: not noticed in %zu numbers, of which %zu were left to the library\n",
                change.what, change.code, tally.asked, tally.left);
        right = right && tally.different > 0;
    }
    return right;
}

/* Every way to a country's calling code, and numbers that are nobody's. */
bool test_calling_codes()
{
    plan::Tables tables;
    for (char first = 'A'; first <= 'Z'; first++) {
        for (char second = 'A'; second <= 'Z'; second++) {
            const char country[2] = {first, second};
            int code = -1;
            EXPECT(tables.code_of(country, &code));
            EXPECT(code == plan::ask_library_for_code(country));
        }
    }
    for (int begin = 1; begin < 1000; begin++) {
        for (const char *rest : {"", "1", "30120000", "0"}) {
            const std::string number = "+" + std::to_string(begin) + rest;
            ct_plan_answer ours;
            ct_plan_answer again;
            ct_plan_answer theirs;
            if (number.size() < 3)
                continue;
            plan::ask_library(number.data(), number.size(), &theirs);
            if (!tables.make_and_find(number.data(), number.size(), &ours))
                continue;
            EXPECT(same(ours, theirs));
            EXPECT(tables.find(number.data(), number.size(), &again) && same(again, theirs));
        }
    }
    return true;
}

/* A table is there for whoever asks next, and not before. */
bool test_tables_are_made_once_asked()
{
    plan::Tables tables;
    ct_plan_answer answer;
    const std::string german = "+4930120000";
    const std::string french = "+33612345678";
    EXPECT(!tables.find(german.data(), german.size(), &answer));
    EXPECT(tables.make_and_find(german.data(), german.size(), &answer));
    allocations_left = 0;
    const bool found = tables.find(german.data(), german.size(), &answer);
    const bool other = tables.find(french.data(), french.size(), &answer);
    allocations_left = -1;
    EXPECT(found && !other);
    return true;
}

/* Metadata that cannot be compiled leave everything to the library. */
bool test_patterns_that_are_not_understood()
{
    const plan::Metadata metadata;
    std::vector<Region> regions = metadata.regions(49);
    ct_plan_answer answer;
    EXPECT(Table(regions, 13).describe("30120000", 8, &answer));
    regions[0].formats[0].leading_digits = "(?!3)";
    EXPECT(!Table(regions, 13).describe("30120000", 8, &answer));
    EXPECT(!Table({}, 13).describe("30120000", 8, &answer));
    return true;
}

/* A library that does not tell its metadata, or tells something else, is asked for each number. */
bool test_without_metadata()
{
    static const char wrong[][8] = {
        "",
        "\x0a",
        "\x0a\x05",
        "\x0a\xff\xff\xff\xff",
        "\x0a\x01\xff",
        "\x12\x00",
        "\x0a\x02\x0a\x05",
        "?",
    };
    const std::string number = "+4930120000";
    for (const char *bytes : wrong) {
        plan::Tables tables(plan::Metadata(bytes, std::strlen(bytes)));
        ct_plan_answer answer;
        int code = 0;
        EXPECT(plan::Metadata(bytes, std::strlen(bytes)).empty());
        EXPECT(!tables.find(number.data(), number.size(), &answer));
        EXPECT(!tables.make_and_find(number.data(), number.size(), &answer));
        EXPECT(!tables.code_of("DE", &code));
    }
    return true;
}

/* Each allocation fails once: that is said, and the next question has its answer. */
bool test_without_memory()
{
    for (const char *text : {"+290123456", "+35020012345"}) {
        const std::string number = text;
        ct_plan_answer theirs;
        ct_plan_answer answer;
        plan::ask_library(number.data(), number.size(), &theirs);
        long fails_at = 0;
        for (bool done = false; !done; fails_at += 1 + fails_at / 200) {
            std::unique_ptr<plan::Tables> tables;
            const auto ask = [&] {
                if (tables == nullptr)
                    tables = std::make_unique<plan::Tables>();
                return tables->make_and_find(number.data(), number.size(), &answer);
            };
            bool found = false;
            allocations_left = fails_at;
            try {
                found = ask();
                done = true;
            } catch (const std::bad_alloc &) {
            }
            allocations_left = -1;
            EXPECT(found == done);
            EXPECT(ask() && same(answer, theirs));
        }
        EXPECT(fails_at > 100);
    }
    return true;
}

} // namespace

int main(int argc, char **argv)
{
    static const Unit units[] = {
        {"test_tables_are_made_once_asked", test_tables_are_made_once_asked},
        {"test_calling_codes", test_calling_codes},
        {"test_patterns_that_are_not_understood", test_patterns_that_are_not_understood},
        {"test_without_metadata", test_without_metadata},
        {"test_that_differences_are_found", test_that_differences_are_found},
        {"test_without_memory", test_without_memory},
        {"test_against_the_library", test_against_the_library},
    };
    seed = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : std::random_device{}();
    if (argc > 1)
        numbers_each = std::strtoul(argv[1], nullptr, 10);
    return run_units(units);
}
