# @TEST-DOC: A folder that is wrong ends Zeek at the start, with file and line.
#
# @TEST-EXEC: mkdir wrong && echo 'app = 7' > wrong/wrong.toml
# @TEST-EXEC-FAIL: zeek -r $DEMO Wiremark::signatures=wrong %INPUT > said 2>&1
# @TEST-EXEC: grep -q 'wrong.toml:1' said
