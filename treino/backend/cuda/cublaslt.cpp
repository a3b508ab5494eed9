// SPDX-License-Identifier: Apache-2.0
#include "treino/backend/cuda/cublaslt.h"

#include <fmt/format.h>

#include "treino/base/error.h"

namespace treino::cuda::cublaslt {

namespace {

constexpr std::size_t kMostWorkspace = std::size_t{32} << 20;  // what Hopper's algorithms ask for
// A sum is made in one sequence, for the same bits again: parts that are added where the result is
// come in an order that counters in the workspace give.
constexpr Reduction kReductions = Reduction::none;

// The library counts matrices column by column: ours is the transpose of theirs, and so
// out^T = b^T a^T is what it makes.
class ProductCall : public LibraryCall {
 public:
  ProductCall(std::shared_ptr<const Library> library, const Product& p)
      : library_(std::move(library)) {
    const Functions& api = *library_->operator->();
    const DataType type = p.precision == Precision::bf16 ? DataType::bf16 : DataType::f32;
    const Compute compute = p.precision == Precision::tf32 ? Compute::tf32 : Compute::f32;
    good_ = api.product_create(&product_, compute, DataType::f32) == Status::success &&
            set_transposed(ProductAttribute::transpose_a, p.transpose_b) &&
            set_transposed(ProductAttribute::transpose_b, p.transpose_a) &&
            make_layout(b_, type, p.inner, p.columns, p.transpose_b) &&
            make_layout(a_, type, p.rows, p.inner, p.transpose_a) &&
            make_layout(out_, DataType::f32, p.rows, p.columns, false) && choose();
  }
  ~ProductCall() override {
    const Functions& api = *library_->operator->();
    for (const Layout layout : {a_, b_, out_}) {
      if (layout != nullptr) api.layout_destroy(layout);
    }
    if (product_ != nullptr) api.product_destroy(product_);
  }
  bool good() const { return good_; }

  const std::string& name() const override { return name_; }
  std::int64_t workspace_bytes() const override {
    return static_cast<std::int64_t>(found_.workspace);
  }

  void enqueue(Stream stream, const Operands& operands) const override {
    const float one = 1, none = 0;
    const auto at = [](Address address) { return reinterpret_cast<void*>(address); };
    const Status status =
        (*library_)->multiply(library_->handle(), product_, &one, at(operands.w), b_,
                              at(operands.x), a_, &none, at(operands.y), out_, at(operands.y), out_,
                              &found_.algorithm, at(operands.workspace), found_.workspace, stream);
    if (status == Status::success) return;
    throw Error::work(fmt::format("{} failed: {}; TREINO_CUBLASLT=off trains without it", name_,
                                  (*library_)->status_text(status)));
  }

 private:
  bool set_transposed(ProductAttribute attribute, bool transposed) {
    const int operation = transposed ? 1 : 0;  // CUBLAS_OP_T, CUBLAS_OP_N
    return (*library_)->product_set(product_, attribute, &operation, sizeof operation) ==
           Status::success;
  }
  // Of a matrix that is [rows][columns], or in memory [columns][rows].
  bool make_layout(Layout& layout, DataType type, std::int64_t rows, std::int64_t columns,
                   bool transposed) {
    if (transposed) std::swap(rows, columns);
    return (*library_)->layout_create(&layout, type, static_cast<std::uint64_t>(columns),
                                      static_cast<std::uint64_t>(rows), columns) == Status::success;
  }
  bool choose() {
    const Functions& api = *library_->operator->();
    Preference preference = nullptr;
    if (api.preference_create(&preference) != Status::success) return false;
    int count = 0;
    const bool asked =
        api.preference_set(preference, PreferenceAttribute::most_workspace, &kMostWorkspace,
                           sizeof kMostWorkspace) == Status::success &&
        api.preference_set(preference, PreferenceAttribute::reductions, &kReductions,
                           sizeof kReductions) == Status::success &&
        api.heuristics(library_->handle(), product_, b_, a_, out_, out_, preference, 1, &found_,
                       &count) == Status::success;
    api.preference_destroy(preference);
    if (!asked || count == 0 || found_.status != Status::success) return false;
    const auto number = [&](AlgorithmAttribute attribute) {
      int value = -1;
      std::size_t written = 0;
      api.algorithm_get(&found_.algorithm, attribute, &value, sizeof value, &written);
      return value;
    };
    name_ = fmt::format("cublaslt {} algorithm {}, tile {}", api.version(),
                        number(AlgorithmAttribute::id), number(AlgorithmAttribute::tile));
    return true;
  }

  std::shared_ptr<const Library> library_;
  ProductDescriptor product_ = nullptr;
  Layout a_ = nullptr, b_ = nullptr, out_ = nullptr;
  Found found_{};
  std::string name_;
  bool good_ = false;
};

}  // namespace

std::shared_ptr<const Library> Library::load(const std::string& named) {
  std::shared_ptr<Library> result(new Library);
  result->library_ = SharedLibrary::open(kNames, named);
  if (!result->library_) return nullptr;
#define TREINO_CUBLASLT(member, symbol, ...) \
  result->library_->find(result->functions_.member, #symbol);
#include "treino/backend/cuda/cublaslt.def"
#undef TREINO_CUBLASLT
  if (!result->library_->starts(result->functions_, result->handle_)) return nullptr;
  return result;
}

Library::~Library() {
  if (handle_ != nullptr) functions_.destroy(handle_);
}

std::shared_ptr<const LibraryCall> Library::product(const Product& product) const {
  auto call = std::make_shared<ProductCall>(shared_from_this(), product);
  if (!call->good()) return nullptr;
  return call;
}

}  // namespace treino::cuda::cublaslt
