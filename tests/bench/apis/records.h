/* What the fake APIs know of each customer. Everybody exists; only what a benchmark counts is kept. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define FIRST_ID 1000001u
#define MOST_IDS (1u << 22)
#define STAMPED_OFFSET 100000000u /* a customer's id in Stamped.io is its iPaaS.com id plus this */

enum done_by { BY_WRITE, BY_LINK, BY_SURVEY }; /* which call ends the work on a customer */

struct record {
    uint32_t ends;    /* how often the call that ends the work was made */
    uint16_t writes;  /* how often it was created or updated in Stamped.io */
    uint8_t is_linked, is_unsubscribed;
    uint64_t first_ns, last_ns; /* when the work ended for the first and the last time, on the monotonic clock */
};

struct totals {
    uint64_t calls, customers, ends, doubled; /* doubled: customers written more than once */
};

static struct record *records;
static struct totals totals;
static enum done_by done_by;
static int is_linked_at_first;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void open_records(void) {
    records = mmap(NULL, sizeof(struct record) * MOST_IDS, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (records == MAP_FAILED) exit(1);
}

static void forget_records(enum done_by by, int linked) {
    madvise(records, sizeof(struct record) * MOST_IDS, MADV_DONTNEED); /* reads as zeros again */
    totals = (struct totals){0};
    done_by = by;
    is_linked_at_first = linked;
}

static struct record *record_of(uint64_t id) {
    return id >= FIRST_ID && id < FIRST_ID + MOST_IDS ? &records[id - FIRST_ID] : NULL;
}

static int has_link(const struct record *record) { return is_linked_at_first || record->is_linked; }

/* Note a call that changes a customer, as of the moment at which its answer is sent. */
static void note(struct record *record, enum done_by kind, uint64_t at_ns) {
    if (kind == BY_WRITE && ++record->writes == 2) totals.doubled++;
    if (kind == BY_LINK) record->is_linked = 1;
    /* An update needs no link: it ends the work of a customer who has one. */
    int ends = kind == done_by || (kind == BY_WRITE && done_by == BY_LINK && has_link(record));
    if (!ends) return;
    totals.ends++;
    record->last_ns = at_ns;
    if (record->ends++ == 0) {
        record->first_ns = at_ns;
        totals.customers++;
    }
}
