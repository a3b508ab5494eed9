# Libraries of others. Everything comes from the distribution's packages (see ./run).

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost REQUIRED)
find_package(PNG REQUIRED)
find_package(CURL REQUIRED)
find_package(LibArchive REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(PkgConfig REQUIRED)
pkg_check_modules(deflate REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(exif REQUIRED IMPORTED_TARGET libexif)

# Of libcurl the headers alone: it is loaded by who fetches (data/fetch.cpp).
add_library(data_libraries INTERFACE)
target_include_directories(data_libraries SYSTEM INTERFACE ${CURL_INCLUDE_DIRS})
target_link_libraries(data_libraries INTERFACE PkgConfig::deflate PkgConfig::turbojpeg PkgConfig::exif PNG::PNG
                      LibArchive::LibArchive OpenSSL::Crypto Threads::Threads ${CMAKE_DL_LIBS})

# The full-screen view of the monitor.
pkg_check_modules(ncursesw REQUIRED IMPORTED_TARGET ncursesw)

# Debian's dnnl package file asks for OpenCL, so the library is looked up by itself.
add_library(onednn INTERFACE)
target_link_libraries(onednn INTERFACE Threads::Threads)
if(TREINO_ONEDNN)
  find_library(DNNL_LIBRARY dnnl)
  find_path(DNNL_INCLUDE dnnl.hpp)
  if(DNNL_LIBRARY AND DNNL_INCLUDE)
    target_link_libraries(onednn INTERFACE ${DNNL_LIBRARY})
    target_include_directories(onednn SYSTEM INTERFACE ${DNNL_INCLUDE})
    target_compile_definitions(onednn INTERFACE TREINO_HAS_ONEDNN)
  else()
    message(STATUS "oneDNN not found: the CPU backend uses its own kernels only")
  endif()
endif()
