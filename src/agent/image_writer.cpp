#include "agent/image_writer.h"

#include <algorithm>

#include "agent/disk_layout.h"
#include "crypto/hash.h"
#include "fetch/image_download.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;

namespace {

// The disk with its first block, which is still held back in memory.
class HeldBackDisk : public sys::File {
 public:
  HeldBackDisk(sys::File& disk, std::string& head) : disk_(disk), head_(head) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override {
    std::string out = TRY(disk_.read_at(offset, bytes));
    if (offset < head_.size()) {
      const size_t span = std::min<size_t>(head_.size() - offset, out.size());
      out.replace(0, span, head_, offset, span);
    }
    return out;
  }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    if (offset < head_.size()) {
      const size_t span = std::min<size_t>(head_.size() - offset, bytes.size());
      head_.replace(offset, span, bytes.substr(0, span));
      bytes.remove_prefix(span);
      offset += span;
    }
    return bytes.empty() ? Result<void>() : disk_.write_at(offset, bytes);
  }
  Result<void> zero(uint64_t offset, uint64_t bytes) override {
    if (offset < head_.size()) return write_at(offset, std::string(bytes, '\0'));
    return disk_.zero(offset, bytes);
  }
  Result<void> sync() override { return disk_.sync(); }
  uint64_t size() const override { return disk_.size(); }
  Result<void> resize(uint64_t bytes) override { return disk_.resize(bytes); }

 private:
  sys::File& disk_;
  std::string& head_;
};

// Last of all. Firmware may not find a boot sector that is not the one that was meant.
Result<void> make_bootable(sys::File& disk, const std::string& first_block) {
  TRY(disk.write_at(0, first_block));
  TRY(disk.sync());
  if (TRY(disk.read_at(0, first_block.size())) == first_block) return {};
  TRY(erase_metadata(disk));
  return Error{Code::unavailable, "the disk gave back another boot sector than was written", Layer::agent,
               "replace the disk"};
}

// An order that can be carried out, and its way.
struct Way {
  std::unique_ptr<fetch::ImageDownload> download;
  std::unique_ptr<fetch::ImageTransfer> transfer;

  Result<void> told(Result<void> done, const ImageOrder& order) const {
    if (done) return {};
    Error error = std::move(done).error();
    if (error.fix.empty() && error.code == Code::corrupt) error.fix = "check the image on its server, and its checksum";
    return std::move(error).context("image " + order.url).at(Layer::agent);
  }
};

Result<Way> way_of(sys::Sys& sys, const ImageOrder& order, const std::string& roots_pem,
                   const std::shared_ptr<sys::File>& disk, DiskAccess access,
                   const std::function<void(const ImageProgress&)>& progress) {
  Way way;
  way.download = TRY(fetch::ImageDownload::make(sys.loop, sys.net, order.url, roots_pem));
  if (order.hash_value.empty()) {
    return Error{Code::invalid, "the order has no checksum, so nothing is written", Layer::agent};
  }
  if (disk->size() < disk_bytes_min) {
    return Error{Code::invalid, "the disk is too small for an image and a config drive", Layer::agent};
  }
  auto digest = TRY(crypto::Digest::make(order.hash_algorithm));
  if (order.format == "block map" && order.hash_algorithm != "sha256") {
    return Error{Code::invalid, "a block map is known by its sha256, not by its " + order.hash_algorithm, Layer::agent};
  }
  way.transfer = std::make_unique<fetch::ImageTransfer>(sys, disk, access, record_offset(disk->size()),
                                                        std::move(digest), order.hash_value, order.format, progress);
  return way;
}

}  // namespace

Result<void> look_at_image(sys::Sys& sys, const ImageOrder& order, const std::string& roots_pem,
                           const std::shared_ptr<sys::File>& disk, DiskAccess access) {
  const Way way = TRY(way_of(sys, order, roots_pem, disk, access, {}));
  return way.told(way.transfer->look(*way.download), order);
}

Result<void> write_image(sys::Sys& sys, const ImageOrder& order, const std::string& roots_pem,
                         const std::shared_ptr<sys::File>& disk, DiskAccess access,
                         const std::function<void(const ImageProgress&)>& progress,
                         const std::function<Result<void>(sys::File&)>& complete) {
  const Way way = TRY(way_of(sys, order, roots_pem, disk, access, progress));
  fetch::ImageTransfer& transfer = *way.transfer;
  TRY(erase_metadata(*disk));  // whatever happens next, the old system does not boot any more

  TRY(way.told(transfer.run(*way.download), order));
  if (transfer.sum() != order.hash_value) {
    return Error{
        Code::corrupt,
        "image " + order.url + " has " + order.hash_algorithm + " " + transfer.sum() + ", expected " + order.hash_value,
        Layer::agent, "check image.checksum, or the image on the server; the disk was left unbootable"};
  }
  fetch::ImagePipeline& pipeline = transfer.pipeline();
  TRY(pipeline.zero_the_rest());
  Json record = Json::object({{"format", std::string(transfer.format())}, {"bytes", pipeline.disk_bytes()}});
  record.set("image", order.id).set("checksum", order.hash_algorithm + ":" + transfer.sum());
  TRY(write_install_record(*disk, record));
  HeldBackDisk whole(*disk, pipeline.first_block());
  TRY(complete(whole));
  TRY(disk->sync());
  return make_bootable(*disk, pipeline.first_block());
}

}  // namespace agent
