#include "fetch/file_source.h"

#include <algorithm>

#include "fetch/off_loop.h"

namespace fetch {

using base::Result;

namespace {

constexpr size_t step_bytes = 1u << 20;

}  // namespace

Result<std::string> FileSource::part(uint64_t offset, size_t bytes) {
  std::string out = TRY(off_loop<std::string>(sys_, [file = file_, offset, bytes] {  // reads may take their time
    return file->read_at(offset, bytes);
  }));
  if (out.size() != bytes) return base::corrupt("the image file has become shorter");
  return out;
}

Result<void> FileSource::stream(const Take& take, const Place&) {
  for (position_ = 0; position_ < bytes_;) {
    const std::string bytes =
        TRY(part(position_, static_cast<size_t>(std::min<uint64_t>(step_bytes, bytes_ - position_))));
    position_ += bytes.size();
    TRY(take(bytes));
  }
  return {};
}

Result<std::vector<std::string>> FileSource::read(const std::vector<image::FileRange>& ranges) {
  std::vector<std::string> out;
  for (const auto& range : ranges) out.push_back(TRY(part(range.offset, range.bytes)));
  return out;
}

}  // namespace fetch
