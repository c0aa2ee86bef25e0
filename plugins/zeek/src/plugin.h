// wiremark in Zeek: which connections are WeChat's or WhatsApp's. See README.md.
#pragma once

#include <zeek/plugin/Plugin.h>

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "flows.h"
#include "signatures.h"

namespace zeek {
class RecordVal;
class StringVal;
class TableVal;
class VectorVal;
template<class T>
class IntrusivePtr;
using RecordValPtr = IntrusivePtr<RecordVal>;
using StringValPtr = IntrusivePtr<StringVal>;
using VectorValPtr = IntrusivePtr<VectorVal>;
} // namespace zeek

namespace plugin::Wiremark_Verdicts {

// What a process has done so far.
struct Counts {
    uint64_t connections = 0;     // TCP and UDP
    uint64_t watched = 0;         // now: those of which a packet could still tell something, or that have an app
    uint64_t packets = 0;         // of them
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
    // One of the words for a verdict, as wiremark gives it: one value, however many connections have it.
    const zeek::StringValPtr& Word(const char* word);
    // What connections with this verdict are marked with: one value for all of them, which also counts its verdicts.
    const zeek::RecordValPtr& Label(const wiremark_verdict& verdict, bool is_new);
    zeek::VectorValPtr Labels() const;

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
    std::unordered_map<const char*, zeek::StringValPtr> words;
    std::map<std::string, zeek::RecordValPtr> labels; // by its words
};

extern Plugin plugin;

} // namespace plugin::Wiremark_Verdicts
