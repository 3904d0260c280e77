/* The questions that libphonenumber itself is asked. */
#include "numbers/plan_library.hh"

#include <phonenumbers/phonenumberutil.h>

#include <bitset>
#include <cstring>
#include <set>
#include <string>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace plan
{

namespace
{

/* A calling code has 1 to 3 digits, and none begins with another one (ITU-T E.164 section 6.2.1). */
struct CallingCodes {
    std::bitset<1000> known;

    CallingCodes()
    {
        std::set<int> codes;
        PhoneNumberUtil::GetInstance()->GetSupportedCallingCodes(&codes);
        for (int code : codes)
            known.set(static_cast<size_t>(code));
    }
};

/* Sets *digits behind the calling code, if there is one. */
bool skip_calling_code(const char **digits, const char *end, int *out)
{
    static const CallingCodes codes;
    int code = 0;
    for (const char *at = *digits; at < end && at < *digits + 3; at++) {
        code = code * 10 + (*at - '0');
        if (codes.known.test(static_cast<size_t>(code))) {
            *out = code;
            *digits = at + 1;
            return true;
        }
    }
    return false;
}

/* Not by Parse(), which would take "+49 030 …" for "+49 30 …" and describe a number that nobody asked for. */
PhoneNumber number_of(int calling_code, const char *digits, const char *end)
{
    int zeros = 0;
    for (; digits + 1 < end && *digits == '0'; digits++)
        zeros++;
    uint64_t value = 0;
    for (; digits < end; digits++)
        value = value * 10 + static_cast<uint64_t>(*digits - '0');
    PhoneNumber number;
    number.set_country_code(calling_code);
    number.set_national_number(value);
    if (zeros > 0) {
        number.set_italian_leading_zero(true);
        number.set_number_of_leading_zeros(zeros);
    }
    return number;
}

ct_plan_type type_of(PhoneNumberUtil::PhoneNumberType type)
{
    switch (type) {
#define X(name, text)           \
    case PhoneNumberUtil::name: \
        return CT_PLAN_##name;
        CT_PLAN_TYPES(X)
#undef X
    }
    return CT_PLAN_UNKNOWN;
}

void set_format(const char *text, size_t size, ct_plan_answer *out)
{
    std::memcpy(out->format, text, size);
    out->format_size = static_cast<uint8_t>(size);
}

} // namespace

void ask_library(const char *e164, size_t size, ct_plan_answer *out)
{
    const PhoneNumberUtil &library = *PhoneNumberUtil::GetInstance();
    const char *digits = e164 + 1;
    const char *end = e164 + size;
    int calling_code = 0;
    *out = ct_plan_answer{};
    set_format(e164, size, out);
    if (!skip_calling_code(&digits, end, &calling_code))
        return;
    out->calling_code = static_cast<uint16_t>(calling_code);
    if (digits == end)
        return;
    const PhoneNumber number = number_of(calling_code, digits, end);
    std::string text;
    library.GetRegionCodeForNumber(number, &text);
    /* "001" is no country, "ZZ" an unknown one */
    if (text.size() == sizeof(out->country) && text != "ZZ")
        std::memcpy(out->country, text.data(), sizeof(out->country));
    out->type = static_cast<uint8_t>(type_of(library.GetNumberType(number)));
    library.Format(number, PhoneNumberUtil::NATIONAL, &text);
    if (!text.empty() && text.size() <= sizeof(out->format))
        set_format(text.data(), text.size(), out);
}

int ask_library_for_code(const char *country)
{
    return PhoneNumberUtil::GetInstance()->GetCountryCodeForRegion(std::string(country, 2));
}

} // namespace plan
