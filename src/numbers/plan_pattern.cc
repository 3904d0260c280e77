#include "numbers/plan_pattern.hh"

namespace plan
{

namespace
{

/* No pattern needs as many; what repeats repetitions could. */
constexpr size_t MOST_STEPS = 20000;
constexpr size_t MOST_TIMES = 99;

Step reading(uint16_t digits)
{
    return {Step::DIGIT, digits, 0, 0};
}

Step going(Step::Kind kind, size_t steps)
{
    return {kind, 0, 0, static_cast<int32_t>(steps)};
}

void append(Program *to, const Program &more)
{
    to->insert(to->end(), more.begin(), more.end());
}

class Reader
{
  public:
    Reader(const char *begin, const char *last) : at(begin), end(last)
    {
    }

    bool read(Program *out)
    {
        return alternatives(out) && at == end;
    }

  private:
    const char *at;
    const char *end;

    bool take(char wanted)
    {
        if (at == end || *at != wanted)
            return false;
        at++;
        return true;
    }

    bool alternatives(Program *out)
    {
        if (!sequence(out))
            return false;
        while (take('|')) {
            Program first;
            Program second;
            first.swap(*out);
            if (!sequence(&second))
                return false;
            out->push_back(going(Step::FORK, first.size() + 2));
            append(out, first);
            out->push_back(going(Step::JUMP, second.size() + 1));
            append(out, second);
        }
        return true;
    }

    bool sequence(Program *out)
    {
        while (at != end && *at != '|' && *at != ')') {
            Program one;
            Count count;
            if (!atom(&one) || !read_count(&at, end, &count) || !repeat(one, count, out))
                return false;
        }
        return true;
    }

    bool atom(Program *out)
    {
        if (!take('(')) {
            const uint16_t digits = read_digit(&at, end);
            out->push_back(reading(digits));
            return digits != 0;
        }
        /* which group it is does not matter here */
        if (take('?') && !take(':'))
            return false;
        return alternatives(out) && take(')');
    }

    bool repeat(const Program &one, const Count &count, Program *out)
    {
        const bool limited = count.most != UNLIMITED;
        const size_t copies = limited ? count.most : count.least + 1;
        if (out->size() + copies * (one.size() + 2) > MOST_STEPS)
            return false;
        for (size_t i = 0; i < count.least; i++)
            append(out, one);
        for (size_t left = limited ? count.most - count.least : 0; left > 0; left--) {
            out->push_back(going(Step::FORK, left * (one.size() + 1)));
            append(out, one);
        }
        if (!limited) {
            out->push_back(going(Step::FORK, one.size() + 2));
            append(out, one);
            out->push_back({Step::JUMP, 0, 0, -static_cast<int32_t>(one.size() + 1)});
        }
        return true;
    }
};

bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

unsigned value_of(char digit)
{
    return static_cast<unsigned>(digit - '0');
}

/* Behind the bracket that opens it. Digits and ranges of them. */
uint16_t read_class(const char **at, const char *end)
{
    unsigned digits = 0;
    const char *next = *at;
    while (is_digit(next, end)) {
        unsigned first = value_of(*next++);
        unsigned last = first;
        if (next < end && *next == '-') {
            if (!is_digit(next + 1, end))
                return 0;
            last = value_of(next[1]);
            next += 2;
        }
        for (; first <= last; first++)
            digits |= 1U << first;
    }
    if (next == end || *next != ']')
        return 0;
    *at = next + 1;
    return static_cast<uint16_t>(digits);
}

bool read_number(const char **at, const char *end, size_t *out)
{
    if (!is_digit(*at, end))
        return false;
    *out = 0;
    for (; is_digit(*at, end) && *out <= MOST_TIMES; ++*at)
        *out = *out * 10 + value_of(**at);
    return *out <= MOST_TIMES;
}

} // namespace

uint16_t read_digit(const char **at, const char *end)
{
    const char *first = *at;
    if (is_digit(first, end)) {
        *at = first + 1;
        return static_cast<uint16_t>(1U << value_of(*first));
    }
    if (end - first >= 2 && first[0] == '\\' && first[1] == 'd') {
        *at = first + 2;
        return ANY_DIGIT;
    }
    if (first == end || *first != '[')
        return 0;
    *at = first + 1;
    return read_class(at, end);
}

bool read_count(const char **at, const char *end, Count *out)
{
    *out = {1, 1};
    if (*at == end)
        return true;
    switch (**at) {
    case '?':
        *out = {0, 1};
        break;
    case '*':
        *out = {0, UNLIMITED};
        break;
    case '+':
        *out = {1, UNLIMITED};
        break;
    case '{':
        ++*at;
        if (!read_number(at, end, &out->least))
            return false;
        out->most = out->least;
        if (*at < end && **at == ',') {
            ++*at;
            if (*at < end && **at == '}')
                out->most = UNLIMITED;
            else if (!read_number(at, end, &out->most) || out->most < out->least)
                return false;
        }
        if (*at == end || **at != '}')
            return false;
        break;
    default:
        return true;
    }
    ++*at;
    return *at == end || (**at != '?' && **at != '+' && **at != '*' && **at != '{');
}

bool compile_pattern(const std::string &pattern, Program *out)
{
    out->clear();
    return Reader(pattern.data(), pattern.data() + pattern.size()).read(out);
}

} // namespace plan
