/*
 * Which versions may read the file now. A schema is written so that the version before can read on, but
 * for one thing: it would take an open payment that a POS asked for for its own, and confirm to the
 * payer what that POS was never told.
 */
#include "lane/journal_private.h"

#include <errno.h>

#define POS_SCHEMA 4 /* the first one that knows of a POS which asks */

static int
set_reader(struct journal *j, int reader)
{
	sqlite3_stmt *s = db_stmt(j->db, "UPDATE schema_info SET min_reader = ?");

	db_bind_int(s, 1, reader);
	return db_run(j->db, s);
}

int
journal_readers_pos(struct journal *j)
{
	int rc = j->pos_readers ? 0 : set_reader(j, POS_SCHEMA);

	/* A rollback takes it back, too: it is set again then. */
	j->pos_readers_put = j->pos_readers_put || (rc == 0 && !j->pos_readers);
	return rc;
}

int
journal_readers_open(struct journal *j)
{
	sqlite3_stmt *s = db_stmt(
		j->db, "SELECT min_reader, (SELECT count(*) FROM payments WHERE state IN"
		       " ('created', 'sending', 'unknown', 'approved', 'partial',"
		       " 'answer-sending', 'undo-queued') AND pos_adapter <> '')"
		       " FROM schema_info");
	int rc = db_step(j->db, s);
	int64_t reader = 0, open = 0;

	if (rc == 1) {
		reader = sqlite3_column_int64(s, 0);
		open = sqlite3_column_int64(s, 1);
		rc = 0;
	}
	db_done(s);
	if (rc < 0)
		return rc;
	j->pos_readers = reader >= POS_SCHEMA;
	if (open > 0 && !j->pos_readers)
		rc = set_reader(j, POS_SCHEMA);
	else if (open == 0 && j->pos_readers)
		rc = set_reader(
			j, journal_migrations[journal_migrations_count - 1].min_reader);
	if (rc == 0)
		j->pos_readers = open > 0;
	return rc;
}
