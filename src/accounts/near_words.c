#include "accounts/near_words.h"

#include <string.h>

static const char *const WORDS[] = {"cloudtelephony", "telephony",    "telephone",
                                    "phonenumber",    "phonenumbers", "administrator"};

/* The longest word, and one more to tell that a password goes on. */
#define MAX_LETTERS 16

bool ct_password_is_near_word(struct ct_str password)
{
    char letters[MAX_LETTERS + 1];
    size_t count = 0;
    bool near = false;

    for (size_t i = 0; i < password.len && count < MAX_LETTERS; i++) {
        char c = password.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        /* What is not ASCII is a letter of no word here. */
        if ((c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80)
            letters[count++] = c;
    }
    letters[count] = '\0';
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]) && !near; i++)
        near = strcmp(letters, WORDS[i]) == 0;
    explicit_bzero(letters, sizeof(letters));
    return near;
}
