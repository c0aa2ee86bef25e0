# @TEST-DOC: wiremark.log and the fields of conn.log, of the made capture.
#
# @TEST-EXEC: zeek -C -r $DEMO %INPUT
# @TEST-EXEC: zeek-cut community_id app role carrier confidence signature signature_id packet is_orig < wiremark.log > verdicts
# @TEST-EXEC: zeek-cut -F ' ' wiremark_app wiremark_role < conn.log | sort | uniq -c | sed 's/^ *//' > connections
# @TEST-EXEC: btest-diff verdicts
# @TEST-EXEC: btest-diff connections
