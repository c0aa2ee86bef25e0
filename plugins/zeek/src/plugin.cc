#include "plugin.h"

#include <zeek/Conn.h>
#include <zeek/ID.h>
#include <zeek/Reporter.h>
#include <zeek/Val.h>

#include <bit>

#include "tap.h"
#include "wiremark.bif.h"

namespace plugin::Wiremark_Verdicts {

Plugin plugin;

namespace {

enum { APP, ROLE, CONFIDENCE, VERDICTS }; // of a label

uint32_t Number(const char* option) {
    const auto value = zeek::id::find_val(option)->AsCount();
    if ( value > UINT32_MAX )
        zeek::reporter->FatalError("%s: a number up to %u, not %" PRIu64, option, UINT32_MAX, value);
    return static_cast<uint32_t>(value);
}

// WIREMARK_EVIDENCE_* of a word, which is that of a confidence; 0 for others.
uint32_t EvidenceBit(const std::string& word) {
    for ( uint8_t i = WIREMARK_CONFIDENCE_ADDRESS; i <= WIREMARK_CONFIDENCE_PAYLOAD; i++ )
        if ( word == wiremark_confidence_name(i) )
            return 1U << (i - WIREMARK_CONFIDENCE_ADDRESS);
    return 0;
}

} // namespace

zeek::plugin::Configuration Plugin::Configure() {
    EnableHook(zeek::plugin::HOOK_SETUP_ANALYZER_TREE);
    zeek::plugin::Configuration config;
    config.name = "Wiremark::Verdicts";
    config.description = "Which connections are WeChat's or WhatsApp's, and what for";
    config.version = {WIREMARK_VERSION_MAJOR, WIREMARK_VERSION_MINOR, WIREMARK_VERSION_PATCH};
    return config;
}

void Plugin::InitPreScript() {
    zeek::plugin::Plugin::InitPreScript();
    if ( WIREMARK_CHECK_ABI() != WIREMARK_OK )
        zeek::reporter->FatalError("wiremark: this plugin was built with wiremark.h of ABI version %d (%s), the library is of "
                                   "version %u (%s): build the plugin anew (cmake --build, plugins/zeek)",
                                   WIREMARK_ABI_VERSION, WIREMARK_VERSION, wiremark_abi_version(), wiremark_version());
}

// What is wrong here ends Zeek: a sensor that runs on without its signatures is worse than one that does not start.
void Plugin::InitPostScript() {
    zeek::plugin::Plugin::InitPostScript();
    const auto why = Load(zeek::id::find_val("Wiremark::signatures")->AsStringVal(),
                          zeek::id::find_val("Wiremark::evidence")->AsTableVal(), Number("Wiremark::budget_packets"));
    if ( ! why.empty() )
        zeek::reporter->FatalError("wiremark: %s", why.c_str());

    wiremark_context_options options{};
    options.struct_bytes = sizeof options;
    options.remembered = Number("Wiremark::remembered");
    options.parked_slots = Number("Wiremark::parked_slots");
    options.slot_bytes = Number("Wiremark::slot_bytes");
    wiremark_context* made = nullptr;
    if ( wiremark_context_new(&options, &made) != WIREMARK_OK )
        zeek::reporter->FatalError("Wiremark::remembered, Wiremark::parked_slots, Wiremark::slot_bytes: %s", wiremark_last_error());
    context.reset(made);
}

void Plugin::Done() {
    context.reset();
    words.clear();
    labels.clear();
    signatures = Signatures{};
    zeek::plugin::Plugin::Done();
}

void Plugin::HookSetupAnalyzerTree(zeek::Connection* conn) {
    while ( ! idle.empty() ) {
        const auto [adapter, tap] = idle.back();
        idle.pop_back();
        adapter->RemoveTapAnalyzer(tap);
    }
    const auto transport = conn->ConnTransport();
    if ( transport == TRANSPORT_TCP || transport == TRANSPORT_UDP )
        conn->GetSessionAdapter()->AddTapAnalyzer(std::make_unique<Tap>());
}

void Plugin::TakeOff(zeek::Connection* conn, const Tap* tap) { idle.emplace_back(conn->GetSessionAdapter(), tap); }

void Plugin::Forget(const Tap* tap) {
    std::erase_if(idle, [tap](const auto& one) { return one.second == tap; });
}

std::string Plugin::Load(zeek::StringVal* folder, zeek::TableVal* evidence, uint64_t budget_packets) {
    wiremark_options options{};
    options.struct_bytes = sizeof options;
    const auto kinds = evidence->ToPureListVal();
    for ( int i = 0; i < kinds->Length(); i++ ) {
        const auto word = kinds->Idx(i)->AsStringVal()->ToStdString();
        const auto bit = EvidenceBit(word);
        if ( bit == 0 )
            return "Wiremark::evidence: \"" + word + "\" is none of address, related, name, payload";
        options.evidence |= bit;
    }
    if ( options.evidence == 0 )
        return "Wiremark::evidence is empty: nothing could ever be told";
    if ( budget_packets > 255 )
        return "Wiremark::budget_packets: a number up to 255";
    options.budget_packets = static_cast<uint32_t>(budget_packets);
    auto why = signatures.Load(folder->ToStdString(), options);
    if ( why.empty() )
        words.clear(); // they may be others now
    return why;
}

const Words& Plugin::Of(wiremark_verdict verdict, bool is_new) {
    verdict.flags = 0;
    auto found = words.find(std::bit_cast<uint64_t>(verdict));
    if ( found == words.end() )
        found = words.emplace(std::bit_cast<uint64_t>(verdict), Find(verdict)).first;
    if ( const auto& label = found->second.label; label && is_new )
        label->Assign(VERDICTS, label->GetFieldAs<zeek::CountVal>(VERDICTS) + 1);
    return found->second;
}

Words Plugin::Find(const wiremark_verdict& verdict) {
    static const auto type = zeek::id::find_type<zeek::RecordType>("Wiremark::Label");
    const auto value = [](const char* word) { return *word ? zeek::make_intrusive<zeek::StringVal>(word) : nullptr; };
    Words found;
    found.carrier = value(wiremark_carrier_name(verdict.carrier));
    if ( verdict.app == 0 )
        return found;
    found.app = value(wiremark_app_name(signatures.Names(), verdict.app));
    found.role = value(wiremark_role_name(signatures.Names(), verdict.app, verdict.role));
    found.confidence = value(wiremark_confidence_name(verdict.confidence));
    found.signature = value(wiremark_signature_name(signatures.Names(), verdict.signature));
    const auto text = [](const zeek::StringValPtr& word) { return word ? word->ToStdString() : std::string{}; };
    auto& label = labels[text(found.app) + ' ' + text(found.role) + ' ' + text(found.confidence)];
    if ( ! label ) {
        label = zeek::make_intrusive<zeek::RecordVal>(type);
        label->Assign(APP, found.app ? found.app : zeek::val_mgr->EmptyString());
        label->Assign(ROLE, found.role);
        label->Assign(CONFIDENCE, found.confidence);
        label->Assign(VERDICTS, uint64_t{0});
    }
    found.label = label;
    return found;
}

zeek::VectorValPtr Plugin::Labels() const {
    static const auto type = zeek::id::find_type<zeek::VectorType>("Wiremark::Labels");
    auto all = zeek::make_intrusive<zeek::VectorVal>(type);
    for ( const auto& [words, label] : labels )
        all->Append(label);
    return all;
}

zeek::RecordValPtr Plugin::Statistics() const {
    static const auto type = zeek::id::find_type<zeek::RecordType>("Wiremark::Statistics");
    auto record = zeek::make_intrusive<zeek::RecordVal>(type);
    int field = 0;
    for ( const auto number : {counts.connections, counts.watched, counts.packets, counts.looked_at, counts.labelled,
                               counts.verdicts, counts.handshakes_lost,
                               static_cast<uint64_t>(wiremark_names_signature_count(signatures.Names()))} )
        record->Assign(field++, number);
    return record;
}

} // namespace plugin::Wiremark_Verdicts
