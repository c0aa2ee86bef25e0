##! Bytes of WeChat by role, every five minutes and at the end: zeek -r capture.pcap plugins/zeek/examples/wechat-bytes.zeek

@load base/frameworks/sumstats

event zeek_init()
	{
	local bytes = SumStats::Reducer($stream="wechat bytes", $apply=set(SumStats::SUM));
	SumStats::create([$name="wechat bytes by role", $epoch=5 mins, $reducers=set(bytes),
	    $epoch_result(ts: time, key: SumStats::Key, result: SumStats::Result) =
		{
		print fmt("%s %s: %.0f bytes", strftime("%FT%TZ", ts), key$str, result["wechat bytes"]$sum);
		}]);
	}

event connection_state_remove(c: connection)
	{
	if ( ! c?$conn || ! c$conn?$wiremark || c$conn$wiremark$app != "wechat" )
		return;
	local role = c$conn$wiremark?$role ? c$conn$wiremark$role : "other";
	SumStats::observe("wechat bytes", SumStats::Key($str=role), SumStats::Observation($num=c$orig$size + c$resp$size));
	}
