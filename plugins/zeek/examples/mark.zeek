##! Marks connections of messengers for everything that goes by a connection's service (conn.log's column, other scripts):
##! zeek -i eth0 plugins/zeek/examples/mark.zeek

event Wiremark::verdict(c: connection, v: Wiremark::Verdict)
	{
	# What an address alone says is not enough for a mark.
	if ( v?$app && v$confidence != "address" )
		add c$service[v$app];
	}
