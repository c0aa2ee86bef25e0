#include "signatures.h"

namespace plugin::Wiremark_Verdicts {

std::string Signatures::Load(const std::string& folder, const wiremark_options& options) {
    wiremark_classifier* loaded = nullptr;
    const auto status = folder.empty() ? wiremark_classifier_new(&options, &loaded)
                                       : wiremark_classifier_from_folder(folder.c_str(), &options, &loaded);
    if ( status != WIREMARK_OK )
        return wiremark_last_error();
    std::unique_ptr<wiremark_classifier, Free> fresh{loaded};

    wiremark_names* words = nullptr;
    if ( wiremark_names_new(fresh.get(), &words) != WIREMARK_OK )
        return wiremark_last_error();
    std::unique_ptr<wiremark_names, Free> fresh_names{words};

    if ( ! classifier )
        classifier = std::move(fresh);
    else if ( wiremark_classifier_replace(classifier.get(), fresh.get()) != WIREMARK_OK )
        return wiremark_last_error();
    names = std::move(fresh_names);
    return "";
}

} // namespace plugin::Wiremark_Verdicts
