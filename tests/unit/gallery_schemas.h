#ifndef LANED_TESTS_UNIT_GALLERY_SCHEMAS_H
#define LANED_TESTS_UNIT_GALLERY_SCHEMAS_H

/*
 * The schemas of gallery.db as programs before this one made them: never to be changed. Files that
 * they made are out there.
 */
#include "base/db.h"

static const struct db_migration old_migrations[] = {
	{ 1, 1,
	  "CREATE TABLE gallery (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT "
	  "NULL,"
	  " environment TEXT NOT NULL CHECK (environment IN ('live', 'test')),"
	  " key_check BLOB NOT NULL) STRICT;"
	  "CREATE TABLE subjects (subject BLOB PRIMARY KEY CHECK (length(subject) = 16),"
	  " wrapped_key BLOB NOT NULL, created_ms INTEGER NOT NULL) STRICT, WITHOUT "
	  "ROWID;"
	  "CREATE TABLE consents (consent_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " subject BLOB NOT NULL REFERENCES subjects ON DELETE CASCADE,"
	  " text_version TEXT NOT NULL CHECK (text_version <> ''),"
	  " text_sha256 BLOB NOT NULL CHECK (length(text_sha256) = 32),"
	  " language TEXT NOT NULL CHECK (language <> ''), purposes INTEGER NOT NULL,"
	  " retention_days INTEGER NOT NULL CHECK (retention_days > 0),"
	  " time_ms INTEGER NOT NULL, lane TEXT NOT NULL, method TEXT NOT NULL,"
	  " staff TEXT NOT NULL, profile TEXT NOT NULL, withdrawn_ms INTEGER,"
	  " UNIQUE (consent_id, subject)) STRICT;"
	  "CREATE INDEX consents_by_subject ON consents (subject);"
	  "CREATE TABLE refs (reference_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " subject BLOB NOT NULL REFERENCES subjects ON DELETE CASCADE,"
	  " consent_id INTEGER NOT NULL REFERENCES consents,"
	  " finger INTEGER NOT NULL CHECK (finger BETWEEN 1 AND 10),"
	  " version INTEGER NOT NULL, sealed BLOB NOT NULL, created_ms INTEGER NOT NULL,"
	  " UNIQUE (subject, finger),"
	  " FOREIGN KEY (consent_id, subject) REFERENCES consents (consent_id, subject)"
	  " ON DELETE CASCADE) STRICT;"
	  "CREATE INDEX refs_by_consent ON refs (consent_id, subject);"
	  "CREATE TRIGGER refs_need_consent BEFORE INSERT ON refs WHEN NOT EXISTS ("
	  " SELECT 1 FROM consents c WHERE c.consent_id = NEW.consent_id"
	  " AND c.subject = NEW.subject AND c.withdrawn_ms IS NULL AND (c.purposes & 1) "
	  "= 1)"
	  " BEGIN SELECT RAISE(ABORT, 'no valid consent'); END;"
	  "CREATE TRIGGER refs_are_not_changed BEFORE UPDATE ON refs"
	  " BEGIN SELECT RAISE(ABORT, 'references are replaced, not changed'); END;" },
	{ 2, 1,
	  "CREATE TABLE decisions (decision_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	  " time_ms INTEGER NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL,"
	  " why TEXT NOT NULL, compared INTEGER NOT NULL, threshold INTEGER NOT NULL,"
	  " quality INTEGER NOT NULL, hints INTEGER NOT NULL,"
	  " who BLOB CHECK (length(who) = 8)) STRICT;"
	  "CREATE TABLE histograms (period INTEGER NOT NULL, kind INTEGER NOT NULL,"
	  " db INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (period, kind, db))"
	  " STRICT, WITHOUT ROWID;"
	  "CREATE TABLE guard (one INTEGER PRIMARY KEY CHECK (one = 1),"
	  " level INTEGER NOT NULL, leaked_ms INTEGER NOT NULL,"
	  " failed_ms INTEGER NOT NULL) STRICT;"
	  "CREATE TABLE captures (subject BLOB PRIMARY KEY"
	  " REFERENCES subjects ON DELETE CASCADE, marks BLOB NOT NULL)"
	  " STRICT, WITHOUT ROWID;" },
	{ 3, 1,
	  "CREATE TABLE claim_keys (subject BLOB NOT NULL"
	  " REFERENCES subjects ON DELETE CASCADE, number INTEGER NOT NULL,"
	  " wrapped_key BLOB NOT NULL, PRIMARY KEY (subject, number))"
	  " STRICT, WITHOUT ROWID;"
	  "DELETE FROM histograms;" },
};

#endif
