/* Where libphonenumber's metadata are read. Its functions for that are in no header, and another version of it may
 * have neither them nor the header of what they give. */
#include "numbers/plan_metadata.hh"

#include <cstring>

#if __has_include(<phonenumbers/phonemetadata.pb.h>)

#include <phonenumbers/phonemetadata.pb.h>

namespace i18n
{
namespace phonenumbers
{
int metadata_size() __attribute__((weak));
const void *metadata_get() __attribute__((weak));
} // namespace phonenumbers
} // namespace i18n

namespace plan
{

namespace
{

using i18n::phonenumbers::NumberFormat;
using i18n::phonenumbers::PhoneMetadata;
using i18n::phonenumbers::PhoneNumberDesc;

/* How a PhoneMetadata is announced within the collection: field 1, with a length (protobuf's wire format). */
constexpr char ELEMENT = 1 << 3 | 2;

/* *at goes behind it. */
bool read_size(const char **at, const char *end, int *out)
{
    unsigned size = 0;
    for (unsigned shift = 0; *at < end && shift < 28; shift += 7) {
        const unsigned byte = static_cast<unsigned char>(*(*at)++);
        size |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = static_cast<int>(size);
            return *out <= end - *at;
        }
    }
    return false;
}

Description read_description(const PhoneNumberDesc &from)
{
    Description to = {from.national_number_pattern(), from.possible_length_size() > 0, 0};
    for (int length : from.possible_length()) {
        if (length > 0 && length < 32)
            to.lengths |= UINT32_C(1) << length;
    }
    return to;
}

Format read_format(const NumberFormat &from)
{
    const int count = from.leading_digits_pattern_size();
    return {count > 0, count > 0 ? from.leading_digits_pattern(count - 1) : std::string(),
            from.pattern(), from.format(), from.national_prefix_formatting_rule()};
}

Region read_region(const PhoneMetadata &from)
{
    Region to = {};
    to.id = from.id();
    to.has_leading_digits = from.has_leading_digits();
    to.leading_digits = from.leading_digits();
    to.fixed_line_is_mobile = from.same_mobile_and_fixed_line_pattern();
    to.general = read_description(from.general_desc());
    to.kinds[CT_PLAN_FIXED_LINE] = read_description(from.fixed_line());
    to.kinds[CT_PLAN_MOBILE] = read_description(from.mobile());
    to.kinds[CT_PLAN_TOLL_FREE] = read_description(from.toll_free());
    to.kinds[CT_PLAN_PREMIUM_RATE] = read_description(from.premium_rate());
    to.kinds[CT_PLAN_SHARED_COST] = read_description(from.shared_cost());
    to.kinds[CT_PLAN_VOIP] = read_description(from.voip());
    to.kinds[CT_PLAN_PERSONAL_NUMBER] = read_description(from.personal_number());
    to.kinds[CT_PLAN_PAGER] = read_description(from.pager());
    to.kinds[CT_PLAN_UAN] = read_description(from.uan());
    to.kinds[CT_PLAN_VOICEMAIL] = read_description(from.voicemail());
    for (const NumberFormat &format : from.number_format())
        to.formats.push_back(read_format(format));
    return to;
}

} // namespace

Metadata::Metadata()
{
    if (i18n::phonenumbers::metadata_get != nullptr && i18n::phonenumbers::metadata_size != nullptr)
        *this = Metadata(static_cast<const char *>(i18n::phonenumbers::metadata_get()),
                         static_cast<size_t>(i18n::phonenumbers::metadata_size()));
}

Metadata::Metadata(const char *bytes, size_t size_of_all)
{
    const char *at = bytes;
    const char *end = bytes + size_of_all;
    while (at < end) {
        int size = 0;
        PhoneMetadata region;
        if (*at++ != ELEMENT || !read_size(&at, end, &size) || !region.ParseFromArray(at, size)) {
            places.clear(); /* not what we know */
            return;
        }
        if (region.id() != "ZZ")
            places.push_back(
                {at, size, region.country_code(), region.main_country_for_code(), region.id()});
        at += size;
    }
}

std::vector<Region> Metadata::regions(int calling_code) const
{
    std::vector<Region> found;
    for (const Place &place : places) {
        PhoneMetadata region;
        if (place.calling_code == calling_code && region.ParseFromArray(place.at, place.size))
            found.insert(place.main ? found.begin() : found.end(), read_region(region));
    }
    return found;
}

#else

namespace plan
{

Metadata::Metadata()
{
}

std::vector<Region> Metadata::regions(int) const
{
    return {};
}

#endif

std::vector<int> Metadata::calling_codes() const
{
    std::vector<int> codes;
    for (const Place &place : places)
        codes.push_back(place.calling_code);
    return codes;
}

int Metadata::code_of(const char *country) const
{
    for (const Place &place : places) {
        if (place.id.size() == 2 && std::memcmp(place.id.data(), country, 2) == 0)
            return place.calling_code;
    }
    return 0;
}

} // namespace plan
