@echo off
rem Builds what phial.cmd starts: the jars, and a cache of loaded classes that makes it start fast.
setlocal
call "%~dp0find-jdk.cmd" || exit /b 1
for %%H in ("%~dp0..") do set "home=%%~fH"
set "dist=%home%\cli\target\dist"

echo Building Phial; the first time this takes some minutes, most of them to fetch what the build needs.
if exist "%dist%" rmdir /s /q "%dist%"
call "%home%\mvnw.cmd" -q -f "%home%\pom.xml" -pl cli -am -DskipTests package || exit /b 1

set "scratch=%TEMP%\phial-%RANDOM%%RANDOM%"
mkdir "%scratch%" || exit /b 1
set "XDG_CACHE_HOME=%scratch%"
rem a run that touches what most runs touch; without the cache Phial works all the same, only slower to start
"%JAVA_HOME%\bin\java.exe" "@%~dp0phial.args" "-XX:AOTCacheOutput=%dist%\phial.aot" -cp "%dist%\lib\*" ^
  dev.phial.cli.Main quantize demo -o "%scratch%" ^
  --to gguf:Q4_K_M --to gguf:Q8_0 --to gguf:Q4_0 --to gguf:IQ4_XS --to gguf:Q3_K_M --to gguf:Q2_K ^
  >"%scratch%\log" 2>&1
if errorlevel 1 if exist "%dist%\phial.aot" del /q "%dist%\phial.aot"
rmdir /s /q "%scratch%"
type nul >"%dist%\built"
exit /b 0
