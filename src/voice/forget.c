#include "voice/forget.h"

#include "voice/caps.h"
#include "voice/devices.h"

enum ct_result ct_voice_forget_account(struct ct_db *db, int64_t user_id)
{
    enum ct_result result = ct_device_delete_all(db, user_id);
    return result == CT_OK ? ct_call_caps_forget(db, user_id) : result;
}
