// wiremark in Zeek: which connections are WeChat's or WhatsApp's. See README.md.
#pragma once

#include <zeek/plugin/Plugin.h>

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "flows.h"
#include "signatures.h"

namespace zeek {
class Connection;
class RecordVal;
class StringVal;
class TableVal;
class VectorVal;
template<class T>
class IntrusivePtr;
using RecordValPtr = IntrusivePtr<RecordVal>;
using StringValPtr = IntrusivePtr<StringVal>;
using VectorValPtr = IntrusivePtr<VectorVal>;
namespace packet_analysis::IP {
class SessionAdapter;
}
} // namespace zeek

namespace plugin::Wiremark_Verdicts {

class Tap;

// What scripts get of a verdict. Not set: there is no word for it.
struct Words {
    zeek::StringValPtr app, role, carrier, confidence, signature;
    zeek::RecordValPtr label; // what connections with these words are marked with: one value for all of them
};

// What a process has done so far.
struct Counts {
    uint64_t connections = 0;     // TCP and UDP
    uint64_t watched = 0;         // now: those of which a packet could still tell something, or that have an app
    uint64_t packets = 0;         // of them, for as long as they are watched
    uint64_t looked_at = 0;       // packets handed to wiremark: the others cannot tell anything
    uint64_t labelled = 0;        // connections that got an app
    uint64_t verdicts = 0;        // verdicts, new ones and changes
    uint64_t handshakes_lost = 0; // handshakes in pieces that went to make room for others
};

// A process of Zeek has one thread for packets, so there is one of everything.
class Plugin : public zeek::plugin::Plugin {
public:
    // Loads signatures; evidence has the words of what counts. Says why not; empty when all is well.
    std::string Load(zeek::StringVal* folder, zeek::TableVal* evidence, uint64_t budget_packets);
    zeek::RecordValPtr Statistics() const;
    // The words for a verdict, looked up once, however many connections have it. Its label counts the new ones.
    const Words& Of(wiremark_verdict verdict, bool is_new);
    zeek::VectorValPtr Labels() const;
    // A tap that has nothing left to do is taken off its connection, whose later packets cost nothing then: not at once, since Zeek
    // is going through the connection's taps, but when the next connection begins.
    void TakeOff(zeek::Connection* conn, const Tap* tap);
    // The connection has ended before.
    void Forget(const Tap* tap);

    Signatures signatures;
    std::unique_ptr<wiremark_context, Free> context;
    Flows flows;
    Counts counts;

protected:
    zeek::plugin::Configuration Configure() override;
    void InitPreScript() override;
    void InitPostScript() override;
    void Done() override;
    void HookSetupAnalyzerTree(zeek::Connection* conn) override;

private:
    std::vector<std::pair<zeek::packet_analysis::IP::SessionAdapter*, const Tap*>> idle;
    Words Find(const wiremark_verdict& verdict);

    std::unordered_map<uint64_t, Words> words; // by the verdict
    std::map<std::string, zeek::RecordValPtr> labels; // by its words
};

extern Plugin plugin;

} // namespace plugin::Wiremark_Verdicts
