-- Note what a person has changed.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 kind, '' if it is about no job  3 system id, '' if about no store  4 customer id, '' if about none  5 outcome
--        6 code, '' for none  7 asker: see `note_event`  8 note, as JSON
-- Answer 1
note_change({
  kind = ARGV[2], system = ARGV[3], customer = ARGV[4], outcome = ARGV[5], code = ARGV[6], asker = ARGV[7], note = ARGV[8],
})
return 1
