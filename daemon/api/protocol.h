/* protocol.h - the protocol between `linli` and `linlid`: a Unix stream socket, and on it
 * frames of a little-endian u32 length and that many bytes of msgpack (crdt/codec.h).
 *
 *   request  {"v": 2, "command": text, "args": {text: text or [text, …] or bytes or,
 *             of a set field that is changed, {"add": [text, …], "remove": [text, …]},
 *             "" of a field that is cleared}}
 *   reply    {"v": 2, "status": LL number (0: done), "subject": text or nil,
 *             "incomplete": {"kind", "count", "name", "since"} or nil, "data": map}
 *
 * Requests are answered in order; a client may have several under way. `status` is the
 * number of crdt/base.h's table, `subject` what it is about (a field's name, a peer, an
 * id), and `incomplete` says why the data is known not to be all there is. The caller's
 * uid, from the kernel, becomes the actor of what it writes; who may connect is the
 * socket's group.
 *
 * What people read is worded by the command, in their language, from codes and values:
 * `status` and its subject, `incomplete` (daemon/api/incomplete.h), the troubles and the
 * summary (daemon/api/troubles.h). Texts in `data` are English, for programs and for
 * commands that are older than a code.
 *
 * `data` is the JSON contract of `linli --json`: English keys, the shape never depends on
 * the content, absent is nil, an empty list is []. Times are Unix milliseconds, bytes are
 * hex.
 *
 *   command       args                     data
 *   version       -                        version, protocol, schema_level
 *   status        -                        node{number,name,division,division_name,role,
 *                                          fingerprint,version,started_ms},
 *                                          county{code,name,genesis}, verdict,
 *                                          level (ok, alone, late, look, trouble),
 *                                          summary{kind,trouble,peers,linked,late,paused,
 *                                          dialled,unmet,waiting,entries,heard_age_ms},
 *                                          troubles[{code,severity,text,subject,age_ms,
 *                                          next,count,span_ms,way,address}],
 *                                          peers[as peer.list],
 *                                          storage{file_bytes,used_bytes,disk_free_bytes,
 *                                          entries,logs,runs,unreadable_entries,
 *                                          refused_entries,wanted_logs,runs_to_fold,
 *                                          conflicts (records),
 *                                          uncounted_entries (not in reports yet)},
 *                                          transport{frames_in,frames_out,bytes_in,
 *                                          bytes_out,handshakes_done,
 *                                          handshakes_refused,frames_refused}
 *   peer.list     -                        peers[{number,name,division,division_name,
 *                                          fingerprint,state,address,heard_ms,to_send,
 *                                          oldest_ms,behind,bytes_in,bytes_out,refused}];
 *                                          to_send and behind are nil while unknown
 *   peer.pause    peer (name or "all")     peers[{name}]
 *   peer.resume   peer                     peers[{name}]
 *   peer.forget   peer (not connected,     peers[{name}]
 *                 not configured)
 *   R.add         fields of register R,    written         R: a register that has
 *                 anyway, trial                            the verb (crdt/schema.h); trial:
 *                                                          judged and not written
 *   R.show        id, reveal               record, steps[record] (of a register with steps),
 *                                          places as in R.list
 *   R.list        division, from, to, all, records[record], found (how many they are),
 *                 columns (keys with       next (nil: that was all),
 *                 commas between), after,  rests_on{logs,entries},
 *                 reveal, and where R's    places[{code,name,full_name,level}] that they
 *                 records are about        name
 *                 others the field that
 *                 names them (of a visit:
 *                 person), and each field
 *                 that filters (of an
 *                 order: state, kind, …)
 *   R.find        text, limit              the same without next; found: how many there
 *                                          were, of which the last `limit` are given
 *   changes       since (a cursor, "0"),   changes[{cursor,happened,register,realm,id,
 *                 wait, reveal             record}], next (the cursor to go on with), more
 *                                          (there are more now), restarted
 *   place.find    text                     places[{code,name,full_name,level}]
 *   R.set         id, fields, anyway       written
 *   R.STEP        id, the step's fields,   written         (of the record that is stepped on;
 *                 with (what it is         its steps are in R.show)
 *                 matched with), anyway
 *   R.amend       id, fields, anyway       written         (the new one, which replaces)
 *   R.void        id, reason,              written
 *                 restore_amended
 *   person.       division               doubles[{id,name,birth,village,village_name,other,
 *   doubles                              other_name,other_birth,other_village,
 *                                        other_village_name,same (name-and-birth,
 *                                        id-number)}], rests_on
 *   person.merge  id, other, anyway        written; same_as of a person: the other ids by
 *   person.                                which it was entered
 *   unmerge
 *   conflict.list division                 conflicts[{id,register,name,place,place_name,date,
 *                                          field,value,version,stamp_ms,node,actor,shown}],
 *                                          one for each value that stands
 *   conflict.show id                       the same, of one record
 *   conflict.     id, field, keep (the     written
 *   resolve       beginning of a version's
 *                 id, or "shown") or value,
 *                 anyway
 *   visit.due     division, within (days,  until, due[{id,name,village,village_name,tier,due,
 *                 "3d"), as_of (date)      days_late,latest}], rests_on
 *   report.       month, by (village,      month, figures[{place,place_name,due,visited,
 *   coverage      township, county),       missed,not_due,exempt,exempt_for{status: count},
 *                 division, names, as_of   rate}], total{due, … as in figures}, rests_on; with
 *                                          names also missed[{id,name,village,village_name,
 *                                          tier,status}] and exempt[the same]; rate in
 *                                          percent with one digit, rounded down, nil where
 *                                          nobody was due
 *   month.close   month, division,         written         (the closed month)
 *                 anyway, trial
 *   policy.show   at (date)                at, statements (that are here),
 *                                          policies[{name,value,from,state}]
 *   log.show      log (optional), from,    entries[{log,seq,id,hash,stamp_ms,actor,realm,
 *                 limit                    epoch,bytes,state,operation}];
 *                                          without `log`:
 *                                          logs[{log,node,lane,incarnation,seq,hash}]
 *   log.strayed   -                        entries as log.show: what was written here while
 *                                          neighbours held a newer copy of this store
 *   log.forks     -                        forks[{log,node,lane,seq,hash,other_hash,entries,
 *                                          seen_ms,state,stated_hash}]: two signed entries at
 *                                          one place; hash is of the one that this node took,
 *                                          entries how many it saw of the other history, state
 *                                          set-aside (it had held them) or refused;
 *                                          stated_hash, which the author said stands, or nil
 *   log.reclaim   -                        reclaimed (entries written once more)
 *   log.verify    -                        logs, entries, runs (that verify), bad_runs (that
 *                                          do not or cannot be read), strayed (set aside),
 *                                          problems[{log,seq,code,text}]
 *   digest        -                        heads, logs, entries,
 *                                          realms[{division,name,digest,records,readable}]
 *   node.show     node (optional)          members[{number,name,division,division_name,
 *                                          role,fingerprint,id,revoked,self}]
 *   node.join     grant (bytes)            members, admitted, revoked: [names]
 *
 *   written: id, short_id, known (it was here before; nothing was written), name, place,
 *           place_name (of the record or else of its subject), date, record (what lists
 *           show of it), restored (id of the record that counts again), serves,
 *           serves_name (the village of this node, where the record's is another; else nil)
 *
 *   record: id, register, township, subject, created_ms, node, actor, known, voided
 *           (reason or nil), amended_by[id], conflicts[{field, value, version, stamp_ms,
 *           node, actor}], what the register's table derives, true or false (of a visit
 *           counts: whether it stands and its person was met, or answered a call), then
 *           every field of the register by its name (text, number, list of text, or nil);
 *           a field that names a record of a register with names is followed by
 *           FIELD_name (of a visit person_name), nil where the name is not known
 *
 *   operation: {kind, register, subject, target}; kind is create, edit or void, in the
 *           control log admit, realm-key or revoke, nil where the entry cannot be read;
 *           register is nil in the control log and where it is not known here; subject is
 *           nil where the record is its own; target is the record that a void takes out
 *
 * A list comes in pieces of some hundred records, in the order of township, subject and id.
 * Who wants the next piece sends the same arguments and the `next` of the one before as
 * `after`; nothing is kept here meanwhile. Between two pieces there may be writes. Then each
 * record comes once, as it stood when its piece was answered; those that stood and were asked
 * for throughout all come; one that was entered, changed, or taken out meanwhile comes if it
 * fitted when its piece was answered. All entries that the first piece's rests_on counts are
 * in the list. The order is the same at every node; any other is made by whoever asks, who
 * ends with the list, while the daemon would have to keep a million keys to sort by.
 *
 * Changes come in the order in which their entries became readable here, each with the record
 * as it stands when it is told (nil: nothing of it stands). happened is created, edited, voided,
 * or withdrawn: an entry that concerned the record is not accepted any more. Nothing is missed;
 * something may come again, after a newer schema all of it. Where the cursor is of another
 * store, of one before it was restored or whose rows were made anew, restarted is true and all
 * comes from the first on: what had come before and does not come again does not stand. With
 * wait, an answer without changes is put off until there are some, a minute at most.
 *
 * For the same entries and keys the records of a realm come out as the same bytes at
 * every node: `visit list --json` can be compared with cmp. */
#ifndef LINLI_DAEMON_API_PROTOCOL_H
#define LINLI_DAEMON_API_PROTOCOL_H

#include "crdt/base.h"

#define CONTROL_PROTOCOL 2    /* since 2 lists come in pieces */
#define CONTROL_LENGTH_SIZE 4 /* before each request and each reply */
#define CONTROL_SOCKET_DEFAULT "/run/linli/linlid.sock"
#define CONTROL_REQUEST_SIZE_MAX (64 * 1024 * 1024) /* a grant; the others are small */
#define CONTROL_REPLY_SIZE_MAX (512 * 1024 * 1024)  /* a county's million visits */

/* The version of command and daemon alike. */
#ifndef LINLI_VERSION
#define LINLI_VERSION "0.1.0"
#endif

#endif
