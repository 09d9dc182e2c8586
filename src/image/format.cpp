#include "image/format.h"

#include <vector>

#include "base/text.h"

namespace image {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;
using namespace std::string_view_literals;

namespace {

struct Signature {
  size_t offset;
  std::string_view bytes;
  std::string_view name;
  bool taken;  // else recognised to be refused
  Format format = Format::raw;
};

const Signature signatures[] = {
    {0, "QFI\xfb"sv, "qcow2", true, Format::qcow2},
    {0, "\x1f\x8b\x08"sv, "gzip", true, Format::gzip},
    {0, "\x28\xb5\x2f\xfd"sv, "zstd", true, Format::zstd},
    {0, "INGOTMAP"sv, "block map", true, Format::block_map},
    {32769, "CD001"sv, "iso", true, Format::iso},
    {0, "QED\0"sv, "qed", false},
    {0, "KDMV"sv, "vmdk", false},
    {0, "COWD"sv, "vmdk", false},
    {0, "# Disk DescriptorFile"sv, "vmdk", false},
    {0, "vhdxfile"sv, "vhdx", false},
    {0, "conectix"sv, "vhd", false},
    {64, "\x7f\x10\xda\xbe"sv, "vdi", false},
    {0, "LUKS\xba\xbe"sv, "luks", false},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "xz", false},
    {0, "BZh"sv, "bzip2", false},
    {0, "PK\x03\x04"sv, "zip", false},
};

bool has(std::string_view head, size_t offset, std::string_view bytes) {
  return head.size() >= offset && head.substr(offset, bytes.size()) == bytes;
}

// The header of a GUID partition table is in the second block, of 512 or 4096 bytes.
bool is_gpt(std::string_view head) { return has(head, 512, "EFI PART") || has(head, 4096, "EFI PART"); }

}  // namespace

std::string_view name_of(Format format) {
  switch (format) {
    case Format::raw:
      return "raw";
    case Format::gpt:
      return "gpt";
    case Format::qcow2:
      return "qcow2";
    case Format::gzip:
      return "gzip";
    case Format::zstd:
      return "zstd";
    case Format::iso:
      return "iso";
    case Format::block_map:
      return "block map";
  }
  return "raw";
}

Result<Format> detect(std::string_view head) {
  std::vector<std::string> found;
  Format format = Format::raw;
  const Signature* refused = nullptr;
  for (const Signature& one : signatures) {
    if (!has(head, one.offset, one.bytes)) continue;
    found.emplace_back(one.name);
    format = one.format;
    if (!one.taken) refused = &one;
  }
  if (is_gpt(head)) {
    found.emplace_back("gpt");
    format = Format::gpt;
  }
  if (found.size() > 1) {
    return Error{Code::invalid, "the image is " + base::join(found, " and ") + " at once", Layer::none,
                 "use an image in exactly one format"};
  }
  if (refused != nullptr) {
    return Error{Code::unsupported, "the image is in format " + std::string(refused->name), Layer::none,
                 "use raw (also compressed by zstd or gzip) or qcow2"};
  }
  return format;
}

Result<void> check_declared(Format outer, Format inner, std::string_view declared) {
  const bool compressed = outer == Format::gzip || outer == Format::zstd;
  const std::string found = std::string(name_of(inner)) + (compressed ? " in " + std::string(name_of(outer)) : "");
  if (compressed && inner != Format::raw && inner != Format::gpt) {
    return Error{Code::unsupported, "the image is " + found, Layer::none, "compress raw images only"};
  }
  if (inner == Format::iso) {
    return Error{Code::unsupported, "the image is an ISO 9660 medium, which is not written to a disk", Layer::none,
                 "use raw (also compressed by zstd or gzip) or qcow2"};
  }
  const std::string_view content = inner == Format::gpt ? "raw" : name_of(inner);
  const bool ours = inner == Format::block_map;  // only an order that knows of it has the digest that goes with it
  if ((declared.empty() && !ours) || declared == content || declared == name_of(inner)) return {};
  return Error{Code::invalid, "the image is " + found + ", but " + std::string(declared) + " was declared", Layer::none,
               "set image.format of the machine template to " + std::string(content)};
}

}  // namespace image
