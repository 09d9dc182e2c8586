#include "agent/named_disk.h"

namespace agent {

namespace {

class NamedDisk : public sys::File {
 public:
  NamedDisk(std::unique_ptr<sys::File> file, const DiskIdentity& disk)
      : file_(std::move(file)), name_(disk.name + " (serial " + disk.serial + ")") {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override { return told(file_->read_at(offset, bytes)); }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    return told(file_->write_at(offset, bytes));
  }
  Result<void> zero(uint64_t offset, uint64_t bytes) override { return told(file_->zero(offset, bytes)); }
  Result<void> sync() override { return told(file_->sync()); }
  uint64_t size() const override { return file_->size(); }
  Result<void> resize(uint64_t bytes) override { return file_->resize(bytes); }

 private:
  template <class T>
  Result<T> told(Result<T> done) const {
    if (done || done.error().code == base::Code::cancelled) return done;
    base::Error error = std::move(done).error();
    if (error.fix.empty()) {
      error.fix = "look at the health of disk " + name_ + "; replace it, or choose another in spec.rootDeviceHints";
    }
    return error;
  }

  std::unique_ptr<sys::File> file_;
  const std::string name_;
};

}  // namespace

std::unique_ptr<sys::File> named_disk(std::unique_ptr<sys::File> file, const DiskIdentity& disk) {
  return std::make_unique<NamedDisk>(std::move(file), disk);
}

}  // namespace agent
