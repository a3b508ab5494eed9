# The library as others use it: one shared library with every module of the trainer inside, so that its
# users need none of the packages it was built with, only its headers.

set(trainer_modules base format graph nn runtime compiler backend_reference backend_cpu backend_cuda backend data train)
list(TRANSFORM trainer_modules PREPEND treino_ OUTPUT_VARIABLE trainer_targets)

file(WRITE ${PROJECT_BINARY_DIR}/library.cpp "// All of the library is in the modules linked into it.\n")
add_library(treino SHARED ${PROJECT_BINARY_DIR}/library.cpp)
add_library(treino::treino ALIAS treino)
target_link_libraries(treino PRIVATE ${trainer_targets})
list(TRANSFORM trainer_targets REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE trainer_archives)
target_link_options(treino PRIVATE LINKER:--whole-archive ${trainer_archives} LINKER:--no-whole-archive)
target_include_directories(treino INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include>)
target_compile_features(treino INTERFACE cxx_std_20)
set_target_properties(treino PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
if(TREINO_SANITIZE)
  target_link_options(treino PRIVATE -fsanitize=${TREINO_SANITIZE})
endif()

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS treino_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS treino EXPORT treino LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT treino NAMESPACE treino:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/treino)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/treino-config.cmake.in
                              ${PROJECT_BINARY_DIR}/treino-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/treino)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/treino-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/treino-config.cmake ${PROJECT_BINARY_DIR}/treino-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/treino)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/recipes/ DESTINATION ${CMAKE_INSTALL_DATADIR}/treino/recipes
        FILES_MATCHING PATTERN "*.toml")

install(DIRECTORY ${PROJECT_SOURCE_DIR}/contestants ${PROJECT_SOURCE_DIR}/experiments
        DESTINATION ${CMAKE_INSTALL_DATADIR}/treino PATTERN "__pycache__" EXCLUDE)

# Headers of the trainer, but for those that show libraries of others.
set(public_folders base format graph nn runtime compiler data train)
foreach(folder ${public_folders})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/treino/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/treino
          FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN "override.h" EXCLUDE
          PATTERN "toml_reader.h" EXCLUDE PATTERN "to_json.h" EXCLUDE)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/treino/backend/devices.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/treino/backend)
install(FILES ${PROJECT_SOURCE_DIR}/treino/treino.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/treino)
