// What kind of disk image some bytes are, by signatures of our own: nothing that was not recognised here is ever
// parsed, and no tool guesses. A file that fits more than one format is refused (the class of CVE-2024-44082: a file
// that one program takes for raw and another for qcow2 with a backing file).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace image {

enum class Format : unsigned char { raw, gpt, qcow2, gzip, zstd, iso, block_map };  // block_map.h
std::string_view name_of(Format format);

// So many bytes from the start decide (a smaller file decides as a whole): ISO 9660 has its mark at 32769.
constexpr size_t probe_bytes = 64u << 10;

// Raw is what has no signature of another format; gpt is raw with a GUID partition table. Errors: invalid (fits several
// formats), unsupported (a known format that is not taken, such as vmdk; the message names it).
base::Result<Format> detect(std::string_view head);

// Whether a file of format `outer`, whose content is `inner` (the same when it is not compressed), is what was declared
// as `declared` (spec.image.format; empty: anything that can be written to a disk). Compression is a matter of
// transport: a compressed raw image is raw. Errors: invalid, unsupported; both say what was found.
base::Result<void> check_declared(Format outer, Format inner, std::string_view declared);

}  // namespace image
