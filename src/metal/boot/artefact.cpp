#include "metal/boot/artefact.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "base/text.h"

namespace metal {

using base::Result;

namespace {

// Read from the page cache in general: every boot asks for the same files.
constexpr size_t piece_bytes = 256u << 10;

struct Range {
  uint64_t from = 0, bytes = 0;
};

// "bytes=0-499", "bytes=500-", "bytes=-500". Nullopt: not a range that we understand, so the whole is sent; a range of
// no bytes cannot be satisfied.
std::optional<Range> range_of(const std::string& header, uint64_t size) {
  constexpr std::string_view prefix = "bytes=";
  if (!header.starts_with(prefix) || header.find(',') != std::string::npos) return std::nullopt;
  const std::string_view text = std::string_view(header).substr(prefix.size());
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = base::parse_uint(text.substr(0, dash));
  const auto last = base::parse_uint(text.substr(dash + 1));
  if (dash == 0) {
    if (!last) return std::nullopt;
    const uint64_t bytes = std::min(*last, size);
    return Range{size - bytes, bytes};
  }
  if (!first || (dash + 1 < text.size() && !last) || (last && *last < *first)) return std::nullopt;
  if (*first >= size) return Range{};
  return Range{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
}

}  // namespace

Artefact artefact_of(std::string type, std::string bytes) {
  Artefact out{std::move(type), {}, {}};
  out.body.size = bytes.size();
  out.body.pieces.push_back({0, bytes.size(), std::move(bytes), {}});
  return out;
}

Result<Artefact> artefact_of_file(sys::Disk& disk, std::string type, const std::string& path) {
  const auto file = TRY(disk.open(path, false));
  Artefact out{std::move(type), {}};
  out.body.size = file->size();
  out.body.pieces.push_back({0, out.body.size, {}, path});
  return out;
}

ArtefactHead head_of(const net::Request& request, const Artefact& artefact) {
  const uint64_t size = artefact.body.size;
  ArtefactHead out;
  out.bytes = size;
  out.headers.set("Content-Type", artefact.type);
  out.headers.set("Accept-Ranges", "bytes");
  if (!artefact.etag.empty()) out.headers.set("ETag", artefact.etag);
  const std::string& condition = request.headers.get("If-Range");
  const bool same = condition.empty() || condition == artefact.etag;
  if (const auto range = same ? range_of(request.headers.get("Range"), size) : std::nullopt) {
    out.from = range->from;
    out.bytes = range->bytes;
    out.status = range->bytes == 0 ? 416 : 206;
    const std::string span = range->bytes == 0
                                 ? std::string("*")
                                 : std::to_string(out.from) + "-" + std::to_string(out.from + out.bytes - 1);
    out.headers.set("Content-Range", "bytes " + span + "/" + std::to_string(size));
  }
  return out;
}

namespace {

// Opens each file once, so that a file that is replaced or removed meanwhile is still read to its end.
class BodyReader {
 public:
  BodyReader(sys::Disk& disk, const Artefact& artefact)
      : disk_(disk), pieces_(artefact.body.pieces), files_(pieces_.size()) {}

  struct Part {
    sys::File* file = nullptr;
    uint64_t offset = 0, bytes = 0;
  };
  // What of a file comes next, up to `bytes`; null where there is no file.
  Result<Part> file_part(uint64_t from, uint64_t bytes) {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      const auto& piece = pieces_[i];
      if (piece.source.empty() || from < piece.offset || from - piece.offset >= piece.size) continue;
      TRY(open(i));
      return Part{files_[i].get(), from - piece.offset, std::min(bytes, piece.offset + piece.size - from)};
    }
    return Part{};
  }

  Result<std::string> read(uint64_t from, size_t bytes) {
    std::string out;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      const auto& piece = pieces_[i];
      const uint64_t begin = std::max(from, piece.offset);
      const uint64_t end = std::min<uint64_t>(from + bytes, piece.offset + piece.size);
      if (begin >= end) continue;
      std::string part = TRY(read_piece(i, begin - piece.offset, static_cast<size_t>(end - begin)));
      if (part.size() == bytes) return part;  // mostly one piece has it all, and is not copied again
      if (out.empty()) out.resize(bytes, '\0');
      out.replace(static_cast<size_t>(begin - from), part.size(), part);
    }
    if (out.empty()) out.resize(bytes, '\0');
    return out;
  }

 private:
  Result<std::string> read_piece(size_t i, uint64_t offset, size_t bytes) {
    const auto& piece = pieces_[i];
    if (piece.source.empty()) return piece.bytes.substr(static_cast<size_t>(offset), bytes);
    TRY(open(i));
    std::string part = TRY(files_[i]->read_at(offset, bytes));
    if (part.size() != bytes) return base::unavailable(piece.source + " has become shorter");
    return part;
  }

  Result<void> open(size_t i) {
    if (!files_[i]) files_[i] = TRY(disk_.open(pieces_[i].source, false));
    return {};
  }

  sys::Disk& disk_;
  const std::vector<wire::IsoPlan::Piece>& pieces_;
  std::vector<std::unique_ptr<sys::File>> files_;
};

}  // namespace

Result<std::string> read_body(sys::Disk& disk, const Artefact& artefact, uint64_t from, size_t bytes) {
  return BodyReader(disk, artefact).read(from, bytes);
}

Result<void> send_artefact(sys::Disk& disk, const Artefact& artefact, net::Exchange& exchange) {
  ArtefactHead head = head_of(exchange.request(), artefact);
  head.headers.set("Content-Length", std::to_string(head.bytes));
  TRY(exchange.start(head.status, head.headers));
  if (exchange.request().method == "HEAD") return {};
  BodyReader body(disk, artefact);
  for (uint64_t done = 0; done < head.bytes;) {
    const auto in_file = TRY(body.file_part(head.from + done, head.bytes - done));
    if (in_file.file != nullptr) {
      TRY(exchange.write_file(*in_file.file, in_file.offset, in_file.bytes));
      done += in_file.bytes;
    } else {
      const auto bytes = static_cast<size_t>(std::min<uint64_t>(piece_bytes, head.bytes - done));
      const std::string part = TRY(body.read(head.from + done, bytes));
      TRY(exchange.write(part));
      done += bytes;
    }
  }
  return {};
}

}  // namespace metal
