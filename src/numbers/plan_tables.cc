#include "numbers/plan_tables.hh"

#include <cstring>

namespace plan
{

Tables::Tables(const Metadata &of) : metadata(of)
{
    for (int code : metadata.calling_codes()) {
        if (code > 0 && static_cast<size_t>(code) < CODES)
            codes.set(static_cast<size_t>(code));
    }
}

Tables::~Tables()
{
    for (const std::atomic<const Table *> &table : tables)
        delete table.load(std::memory_order_relaxed);
}

/* The calling code that a number begins with, or 0. */
size_t Tables::code_at(const char *digits, size_t size, size_t *length) const noexcept
{
    size_t code = 0;
    for (*length = 0; *length < 3 && *length < size;) {
        code = code * 10 + static_cast<size_t>(digits[(*length)++] - '0');
        if (codes[code])
            return code;
    }
    return 0;
}

bool Tables::find(const char *e164, size_t size, ct_plan_answer *out) const noexcept
{
    size_t length = 0;
    const size_t code = code_at(e164 + 1, size - 1, &length);
    const size_t digits = size - 1 - length;
    if (code != 0 && digits > 0) {
        const Table *table = tables[code].load(std::memory_order_acquire);
        out->calling_code = static_cast<uint16_t>(code);
        return table != nullptr && table->describe(e164 + 1 + length, digits, out);
    }
    /* nobody's, or nobody's yet */
    *out = ct_plan_answer{};
    out->calling_code = static_cast<uint16_t>(code);
    out->format_size = static_cast<uint8_t>(size);
    std::memcpy(out->format, e164, size);
    return !metadata.empty();
}

bool Tables::make_and_find(const char *e164, size_t size, ct_plan_answer *out)
{
    size_t length = 0;
    const size_t code = code_at(e164 + 1, size - 1, &length);
    if (code != 0) {
        const std::lock_guard<std::mutex> lock(making);
        if (tables[code].load(std::memory_order_relaxed) == nullptr)
            tables[code].store(
                new Table(metadata.regions(static_cast<int>(code)), MOST_DIGITS - length),
                std::memory_order_release);
    }
    return find(e164, size, out);
}

bool Tables::code_of(const char *country, int *out) const
{
    *out = metadata.code_of(country);
    return !metadata.empty();
}

} // namespace plan
