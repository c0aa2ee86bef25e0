"""A second reader of path files, written apart from the first: prints each trace's hops in one line each.

Works by patterns over whole lines where the first goes word by word, and with Python's JSON parser.
"""
import ipaddress, json, re, sys


def us(milliseconds):
    return int(float(milliseconds) * 1000 + 0.5)


def show(source, target, hops):
    print("trace", source or "-", target or "-")
    for ttl, replies, lost in hops:
        words = [f"{a or '-'}/{'-' if t is None else t}/{m or '-'}{'/late' if late else ''}{'/label' if l else ''}" for a, t, m, late, l in replies]
        print(ttl, *words, f"lost={lost}")


def traceroute(text):
    text = re.sub(r"^traceroute6?: .*\n", "", text, flags=re.M)
    for part in re.split(r"(?m)^(?=traceroute6? to )", text):
        if not part.strip():
            continue
        head, _, body = part.partition("\n")
        target = re.search(r"\(([^)]*)\)", head).group(1)
        source = re.search(r"from ([^\s,]+)", head)
        body = re.sub(r"(?m)^\s*(:|\.\.\.)\s*$", "", body)
        hops = []
        # A hop begins with a whole number at the start of a line.
        for chunk in re.split(r"(?m)^(?=\s*\d+\s+(?!ms))", body):
            if not chunk.strip():
                continue
            ttl, rest = re.match(r"\s*(\d+)\s+(.*)", chunk, re.S).groups()
            labelled = bool(re.search(r"[<\[]MPLS", rest))
            rest = re.sub(r"<MPLS[^>]*>|\[[^\]]*\]", " ", rest)
            replies, lost, address = [], 0, None
            for token in re.finditer(r"\S+ \(([^)]+)\)|([\d.]+)\s+ms(?:\s+!(\S*))?|(\*)|(\S+)", rest):
                named, time, mark, star, plain = token.groups()
                if named:
                    address = named
                elif time:
                    mark = mark.strip("<>") if mark is not None else None
                    replies.append([address, us(time), "ttl" if mark == "" else mark, False, labelled])
                elif star:
                    lost += 1
                else:
                    address = str(ipaddress.ip_address(plain))
            hops.append((int(ttl), replies, lost))
        show(source and source.group(1), target, hops)


def documents(text):
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at] in " \r\n\t":
            at += 1
        if at == len(text):
            return
        value, at = decoder.raw_decode(text, at)
        yield from value if isinstance(value, list) else [value]


def address_of(host):
    inner = re.search(r"\((.*)\)", host)
    try:
        return str(ipaddress.ip_address(inner.group(1) if inner else host))
    except ValueError:
        return None


def mtr(document):
    head = document["report"]["mtr"]
    hops = []
    for hub in document["report"]["hubs"]:
        known = hub["host"] != "???"
        replies = [[address_of(hub["host"]), us(hub["Best"]), None, False, False]] if known else []
        hops.append((int(hub["count"]), replies, round(hub["Snt"] * hub["Loss%"] / 100)))
    show(head.get("src"), address_of(head["dst"]), hops)


UNREACHABLE = {0: "N", 1: "H", 2: "P", 3: None, 9: "X", 10: "X", 13: "X"}


def scamper(document):
    if document["type"] != "trace":
        return
    by_ttl = {}
    for hop in document["hops"]:
        mark = UNREACHABLE[hop["icmp_code"]] if hop.get("icmp_type") == 3 and ":" not in hop["addr"] else None
        labels = any("mpls_labels" in extension for extension in hop.get("icmpext", []))
        by_ttl.setdefault(hop["probe_ttl"], []).append([hop["addr"], us(hop["rtt"]), mark, False, labels])
    show(document["src"], document["dst"], [(ttl, replies, 0) for ttl, replies in sorted(by_ttl.items())])


def atlas(document):
    if document.get("type", "traceroute") != "traceroute":
        return
    hops = []
    for step in document["result"]:
        if "hop" not in step:
            continue
        answers = step.get("result", [])
        replies = []
        for answer in answers:
            if "from" in answer:
                labels = any(item.get("mpls") for item in answer.get("icmpext", {}).get("obj", []))
                late = "late" in answer or "dup" in answer
                time = us(answer["rtt"]) if "rtt" in answer else None
                replies.append([answer["from"], time, answer.get("err"), late, labels])
        hops.append((step["hop"], replies, sum("from" not in answer for answer in answers)))
    show(str(document["prb_id"]), document.get("dst_addr"), hops)


for path in sys.argv[1:]:
    print("file", path)
    text = open(path).read()
    if not text.lstrip().startswith(("{", "[")):
        traceroute(text)
        continue
    for document in documents(text):
        mtr(document) if "report" in document else atlas(document) if "prb_id" in document else scamper(document)
