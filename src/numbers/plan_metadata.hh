#ifndef CT_NUMBERS_PLAN_METADATA_HH
#define CT_NUMBERS_PLAN_METADATA_HH

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "numbers/plan_module.h"

namespace plan
{

/** Which numbers are of a kind: those of one of the lengths that the pattern matches whole. */
struct Description {
    std::string pattern; /* empty: none is */
    bool has_lengths;    /* false: of any length */
    uint32_t lengths;    /* bit n: n digits */
};

struct Format {
    bool has_leading_digits;
    std::string leading_digits; /* what the number begins with */
    std::string pattern;        /* what it is */
    std::string format;         /* "$1 $2" */
    std::string rule;           /* what stands for the first group: "0$1". May be empty */
};

/** What libphonenumber's metadata say of the numbers of one region. */
struct Region {
    std::string id; /* ISO 3166-1 alpha-2, or "001" for what belongs to no country */
    bool has_leading_digits;
    std::string leading_digits;
    bool fixed_line_is_mobile;
    Description general;
    Description kinds[CT_PLAN_VOICEMAIL + 1]; /* by enum ct_plan_type */
    std::vector<Format> formats;
};

/** The metadata that the library has in itself, where they are and what region each is of. They are parsed again
 *  when they are asked for: all of them together would take 4 MB. */
class Metadata
{
  public:
    /** Of this library; empty when it does not tell. Throws std::bad_alloc, as all of these. */
    Metadata();
    /** Of these bytes, which outlive it; empty when they are no metadata. */
    Metadata(const char *bytes, size_t size);

    /** Whether there are any; what has none knows nothing. */
    bool empty() const
    {
        return places.empty();
    }
    /** Those of all regions, some of them several times. */
    std::vector<int> calling_codes() const;
    /** The calling code of two letters, or 0. */
    int code_of(const char *country) const;
    /** Those of a calling code, in the order in which the library asks them: the main one first. */
    std::vector<Region> regions(int calling_code) const;

  private:
    struct Place {
        const char *at;
        int size;
        int calling_code;
        bool main;
        std::string id;
    };
    std::vector<Place> places;
};

} // namespace plan

#endif
