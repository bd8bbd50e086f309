/* Zip archives made by hand, members stored as they are (PKWARE's APPNOTE.TXT 4.3). */
#ifndef TESTS_ZIP_FILES_H
#define TESTS_ZIP_FILES_H

#include "support.h"

#include <string.h>

typedef struct zip_entry {
    const char *name;
    blob data;
    uint16_t flags;        /* bit 0: encrypted */
    uint16_t method;       /* 0: stored */
    uint32_t claimed;      /* the size that the entry tells, where that is not the data's */
    bool wrong_checksum;
} zip_entry;

static inline uint32_t zip_crc(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static inline void zip_put(blob *to, size_t bytes, uint64_t value)
{
    for (size_t i = 0; i < bytes; i++)
        blob_append(to, &(uint8_t){ (uint8_t)(value >> 8 * i) }, 1);
}

/* What local header and directory entry have in common. */
static inline void zip_put_entry(blob *to, const zip_entry *e)
{
    zip_put(to, 2, 20); /* version */
    zip_put(to, 2, e->flags);
    zip_put(to, 2, e->method);
    zip_put(to, 4, 0x21); /* time, date */
    zip_put(to, 4, zip_crc(e->data.data, e->data.size) ^ e->wrong_checksum);
    zip_put(to, 4, e->data.size);
    zip_put(to, 4, e->claimed ? e->claimed : e->data.size);
    zip_put(to, 2, strlen(e->name));
    zip_put(to, 2, 0);
}

static inline blob zip_make(const zip_entry *entries, size_t count)
{
    blob zip = { 0 }, directory = { 0 };
    for (size_t i = 0; i < count; i++) {
        const size_t at = zip.size;
        blob_append(&zip, "PK\3\4", 4);
        zip_put_entry(&zip, &entries[i]);
        blob_append(&zip, entries[i].name, strlen(entries[i].name));
        if (entries[i].data.size)
            blob_append(&zip, entries[i].data.data, entries[i].data.size);
        blob_append(&directory, "PK\1\2\x14\0", 6);
        zip_put_entry(&directory, &entries[i]);
        zip_put(&directory, 6, 0); /* comment, disk, internal attributes */
        zip_put(&directory, 4, 0);
        zip_put(&directory, 4, at);
        blob_append(&directory, entries[i].name, strlen(entries[i].name));
    }
    const size_t at = zip.size;
    blob_append(&zip, directory.data, directory.size);
    blob_append(&zip, "PK\5\6\0\0\0\0", 8);
    zip_put(&zip, 2, count);
    zip_put(&zip, 2, count);
    zip_put(&zip, 4, directory.size);
    zip_put(&zip, 4, at);
    zip_put(&zip, 2, 0);
    blob_free(&directory);
    return zip;
}

#endif
