/* The answers of both APIs, in the shapes of `worker/sandbox`. */
#include <stdio.h>
#include <string.h>

#define EMAIL "customer.%u@example.com"
#define OK 200
#define MISSING 404

struct request {
    const char *method, *path, *body; /* all end with a zero; the path without its query */
    unsigned system_id;               /* the digits of the token "Bearer bench-4021" */
};

struct answer {
    int status;
    char body[4096];
};

static int is_get(const struct request *request) { return request->method[0] == 'G'; }

/* The number behind a piece of text; 0 if the text or the number is not there. */
static uint64_t number_after(const char *text, const char *piece) {
    const char *found = strstr(text, piece);
    return found ? strtoull(found + strlen(piece), NULL, 10) : 0;
}

static void refuse(struct answer *answer, const char *body) {
    answer->status = MISSING;
    snprintf(answer->body, sizeof answer->body, "%s", body);
}

static void show_source(struct answer *answer, const struct request *request, unsigned id, int linked) {
    char link[256] = "";
    if (linked)
        snprintf(link, sizeof link,
                 "{\"id\": \"%u-%u\", \"system_id\": %u, \"system_name\": \"Stamped.io\", "
                 "\"external_id\": \"%u\", \"internal_id\": \"%u\"}",
                 request->system_id, id, request->system_id, id + STAMPED_OFFSET, id);
    snprintf(answer->body, sizeof answer->body,
             "{\"id\": \"%u\", \"customer_number\": \"C-%u\", \"first_name\": \"Zo\u00eb\", \"last_name\": \"Carter\", "
             "\"email_address\": \"" EMAIL "\", \"company\": \"Example Ltd\", "
             "\"comment\": \"Prefers delivery on Saturdays, please ring twice.\", \"category_id\": 1, "
             "\"created_datetime\": \"2024-05-01T08:00:00+00:00\", \"updated_datetime\": \"2024-06-01T08:00:00+00:00\", "
             "\"custom_fields\": [{\"id\": \"%u-1\", \"custom_field_name\": \"Loyalty level\", \"value\": \"gold\"}], "
             "\"external_ids\": [%s]}",
             id, id, id, id, link);
}

static void show_target(struct answer *answer, unsigned id, int subscribed) {
    snprintf(answer->body, sizeof answer->body,
             "{\"id\": %u, \"email\": \"" EMAIL "\", \"customerEmail\": \"" EMAIL "\", \"firstName\": \"Zo\u00eb\", "
             "\"lastName\": \"Carter\", \"externalId\": \"C-%u\", "
             "\"notes\": \"Prefers delivery on Saturdays, please ring twice.\", \"isSubscribed\": %s, "
             "\"dateCreated\": \"2024-06-02T08:00:00.000+00:00\", \"dateUpdated\": \"2024-06-02T08:00:00.000+00:00\"}",
             id + STAMPED_OFFSET, id, id, id, subscribed ? "true" : "false");
}

static void answer_source(struct answer *answer, const struct request *request, uint64_t at_ns) {
    uint64_t id = number_after(request->path, "/Customer/");
    struct record *record = record_of(id);
    if (record) {
        show_source(answer, request, (unsigned)id, has_link(record));
    } else if ((record = record_of(id = number_after(request->path, "/LookupExternal/")))) {
        if (has_link(record)) snprintf(answer->body, sizeof answer->body, "\"%u\"", (unsigned)id + STAMPED_OFFSET);
        else refuse(answer, "{\"code\": \"NFND-1002\", \"message\": \"There is no external id.\"}");
    } else if ((record = record_of(id = number_after(request->body, "\"internal_id\": \"")))
               || (record = record_of(id = number_after(request->body, "\"internal_id\":\"")))) {
        note(record, BY_LINK, at_ns);
        snprintf(answer->body, sizeof answer->body, "%s", request->body); /* it repeats the link */
    } else {
        refuse(answer, "{\"code\": \"NFND-1000\", \"message\": \"There is no such resource.\"}");
    }
}

static void answer_target(struct answer *answer, const struct request *request, uint64_t at_ns) {
    uint64_t id = number_after(request->path, "/dashboard/customers/");
    if (id) id -= STAMPED_OFFSET;
    else id = number_after(request->body, "customer.");
    struct record *record = record_of(id);
    if (!record) {
        refuse(answer, "{\"message\": \"There is no such resource.\"}");
        return;
    }
    if (strstr(request->path, "/survey/")) {
        record->is_unsubscribed = strstr(request->path, "/unsubscribe") != NULL;
        note(record, BY_SURVEY, at_ns);
    } else if (!is_get(request)) {
        note(record, BY_WRITE, at_ns);
    }
    show_target(answer, (unsigned)id, !record->is_unsubscribed);
}

/* One call of either API; `at_ns` is when its answer is sent. */
static void answer_call(struct answer *answer, const struct request *request, uint64_t at_ns) {
    totals.calls++;
    answer->status = OK;
    if (strncmp(request->path, "/api/", 5) == 0) answer_target(answer, request, at_ns);
    else answer_source(answer, request, at_ns);
}
