# @TEST-DOC: wiremark.log and the fields of conn.log, of the made capture.
#
# @TEST-EXEC: zeek -C -r $DEMO %INPUT
# @TEST-EXEC: zeek-cut app < wiremark.log | sort -u | tr '\n' ' ' | grep -q 'wechat whatsapp $'
# @TEST-EXEC: zeek-cut -F ' ' app role confidence < wiremark.log | grep -q '^whatsapp call payload$'
# @TEST-EXEC: zeek-cut -F ' ' wiremark_app wiremark_role < conn.log | grep -q '^whatsapp call$'
# @TEST-EXEC: zeek-cut -F ' ' wiremark_app wiremark_role < conn.log | grep -q '^wechat '
